"""Pages of our own: each a shape of form or link, as HTML, in an encoding. Forms are submitted by their first button."""

from __future__ import annotations

from typing import NamedTuple

_CODECS = {"windows-874": "cp874", "shift_jis": "cp932", "euc-kr": "cp949"}


class Judged(NamedTuple):
    """A page: its name, its markup, and the encoding that its Content-Type names."""

    name: str
    markup: str
    encoding: str = "utf-8"
    content_type: str = "text/html"
    #: Set-Cookie lines that come with it; NAME stands for a name of the page's own.
    cookies: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        return f"{self.content_type}; charset={self.encoding}"

    @property
    def body(self) -> bytes:
        return self.markup.encode(_CODECS.get(self.encoding, self.encoding))


def _post(name: str, controls: str, encoding: str = "utf-8", attributes: str = "") -> Judged:
    return Judged(name, f"<!DOCTYPE html><form method=post action=/in {attributes}>{controls}</form>", encoding)


def _raw(name: str, markup: str, encoding: str = "utf-8") -> Judged:
    return Judged(name, f"<!DOCTYPE html>{markup}", encoding)


FORMS = (
    # How and where it is sent.
    _raw("get", "<form action='/in?old=1#top'><input name=q value='a b&c'></form>"),
    _raw("get without fields", "<form action=/in><input value=x></form>"),
    _raw("post keeps the query", "<form method=POST action='/in?old=1#top'><input name=q value=1></form>"),
    _raw("unknown method", "<form method=put action=/in><input name=q value=1></form>"),
    _raw("no action", "<form method=post><input name=q value=1></form>"),
    _raw("empty action", "<base href=/elsewhere/><form method=post action=''><input name=q value=1></form>"),
    _raw("base", "<base href=/folder/><form method=post action=in><input name=q value=1></form>"),
    _raw("action with spaces", "<form method=post action='  /in  '><input name=q value=1></form>"),
    _raw("unknown type of encoding", "<form method=post action=/in enctype=x/y><input name=q value='ä b'></form>"),
    _raw("get is never multipart", "<form action=/in enctype=multipart/form-data><input name=q value='ä b'></form>"),
    _post(
        "plain text",
        "<input name=q value='a=b&c ä'><textarea name=t>1\n2</textarea>",
        attributes="enctype=text/plain",
    ),
    _post(
        "multipart",
        "<input name=q value='ä'><input name='a&quot;b' value=1><textarea name=t>1\n2</textarea><input type=file name=f>",
        attributes="enctype=multipart/form-data",
    ),
    _post("no file", "<input type=file name=f><input name=q value=1>"),
    _post("formaction", "<input name=q value=1><button formaction=/there name=b value=x>Go</button>"),
    _post("formmethod", "<input name=q value=1><button formmethod=get>Go</button>"),
    _post("formenctype", "<input name=q value='ä b'><button formenctype=text/plain>Go</button>"),
    _post("empty formaction", "<input name=q value=1><button formaction=''>Go</button>"),
    # What is written.
    _post("marks", "<input name='*-._~' value=\"*-._~!'()&quot;;/?:@=+$,#%[]{}|^`\\\">"),
    _post("spaces", "<input name='a b' value=' c  d '>"),
    _post("line ends", "<textarea name=t>\n\na\r\nb\n</textarea><input name=i value='a&#10;b&#13;c'>"),
    _post("line ends of hidden fields", "<input type=hidden name='h&#10;i' value='a&#10;b&#13;c&#13;&#10;d'>"),
    _post("no name", "<input value=1><input name='' value=2><input name=q value=3>"),
    _post("several of a name", "<input name=q value=1><input name=q value=2><input name=r value=3>"),
    # Kinds of controls.
    _post("unknown type", "<input type=wurst name=q value=1><input type=TEXT name=r value=2>"),
    _post("hidden", "<input type=hidden name=h value=1><input name=q value=2>"),
    _post("read only", "<input name=q value=1 readonly><textarea name=t readonly>2</textarea>"),
    _post(
        "disabled", "<input name=q value=1 disabled><select name=s disabled><option>1</select><input name=r value=2>"
    ),
    _post("check boxes", "<input type=checkbox name=a><input type=checkbox name=b checked>"),
    _post(
        "check boxes with values",
        "<input type=checkbox name=a value=1 checked><input type=checkbox name=a value=2 checked>",
    ),
    _post("an empty box", "<input type=checkbox name=a value='' checked>"),
    _post("radio", "<input type=radio name=a value=1><input type=radio name=a value=2 checked>"),
    _post("two radios checked", "<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>"),
    _post("no radio checked", "<input type=radio name=a value=1><input name=q value=1>"),
    _post("radio without value", "<input type=radio name=a checked>"),
    _post(
        "number",
        "<input type=number name=n value=1.50><input type=number name=m value=abc><input type=number name=k value='1,5'>",
    ),
    _post(
        "range",
        "<input type=range name=a><input type=range name=b min=10 max=20 value=99><input type=range name=c value=3.7><input type=range name=d min=0 max=1 step=0.25 value=.6>",
    ),
    _post(
        "color", "<input type=color name=a><input type=color name=b value=#ABCDEF><input type=color name=c value=red>"
    ),
    _post(
        "dates",
        "<input type=date name=a value=2026-02-28><input type=date name=b value=28.2.2026><input type=month name=c value=2026-02><input type=week name=d value=2026-W08><input type=time name=e value=10:20><input type=time name=f value=25:00>",
    ),
    _post(
        "date and time",
        "<input type=datetime-local name=a value='2026-02-28 10:20'><input type=datetime-local name=b value=2026-02-28T10:20:30><input type=datetime-local name=c value=now>",
    ),
    _post(
        "address fields",
        "<input type=email name=a value=' jo@x.example '><input type=url name=b value=' http://x.example/ '><input type=tel name=c value=' 1 '><input type=search name=d value=' e '>",
        attributes="novalidate",
    ),
    _post(
        "several addresses",
        "<input type=email multiple name=a value=' a@x.example , b@x.example '>",
        attributes="novalidate",
    ),
    # Selects.
    _post("select", "<select name=s><option value=1>One<option value=2>Two</select>"),
    _post(
        "selected",
        "<select name=s><option value=1>One<option value=2 selected>Two<option selected value=3>Three</select>",
    ),
    _post(
        "option without value",
        "<select name=s><option>  a \n b&nbsp; </select><select name=t><option value=''>x</select>",
    ),
    _post("first option disabled", "<select name=s><option disabled>1<option>2</select>"),
    _post(
        "selected and disabled", "<select name=s><option disabled selected>1<option>2</select><input name=q value=1>"
    ),
    _post("disabled group", "<select name=s><optgroup disabled label=g><option>1</optgroup><option>2</select>"),
    _post("several options", "<select name=s multiple><option selected>1<option>2<option selected>3</select>"),
    _post("several, none", "<select name=s multiple><option>1</select><input name=q value=1>"),
    _post("select of four lines", "<select name=s size=4><option>1<option>2</select><input name=q value=1>"),
    _post("select of one line", "<select name=s size=1><option>1<option>2</select>"),
    _post("no option", "<select name=s></select><input name=q value=1>"),
    # Buttons.
    _post("first button", "<input name=q value=1><button name=b value=x>X</button><button name=b value=y>Y</button>"),
    _post("button of no name", "<input name=q value=1><button value=x>X</button>"),
    _post(
        "buttons that send nothing",
        "<button type=button name=a value=1>A</button><input type=reset name=b><input name=q value=1><input type=submit name=c value=3>",
    ),
    _post("button without value", "<input name=q value=1><button name=b>X</button>"),
    _post("image", "<input name=q value=1><input type=image name=i src=/dot value=9>"),
    _post("image of no name", "<input name=q value=1><input type=image src=/dot>"),
    # What is around.
    _post(
        "fieldset",
        "<fieldset disabled><legend><input name=a value=1></legend><input name=b value=2></fieldset><input name=c value=3>",
    ),
    _post(
        "second legend",
        "<fieldset disabled><legend></legend><legend><input name=a value=1></legend></fieldset><input name=c value=3>",
    ),
    _post(
        "fieldset in a disabled one",
        "<fieldset disabled><legend><fieldset><input name=a value=1></fieldset></legend><fieldset><input name=b value=2></fieldset></fieldset><input name=c value=3>",
    ),
    _post("data list", "<input name=a value=1 list=d><datalist id=d><option>2<input name=b value=3></datalist>"),
    _post("template", "<template><input name=a value=1></template><input name=b value=2>"),
    _post(
        "direction",
        "<input name=a dirname=a.dir value=1><div dir=rtl><input name=b dirname=b.dir value=2><input name=c dirname=c.dir dir=ltr></div><input name=d dirname=d.dir dir=auto value='שלום'>",
    ),
    # Whose it is.
    _raw("outside", "<form id=f method=post action=/in><input name=a value=1></form><input form=f name=b value=2>"),
    _raw(
        "of another",
        "<form method=post action=/in><input name=a value=1><input form=g name=b value=2><input form='' name=c value=3></form><form id=g></form>",
    ),
    _raw(
        "form in a form",
        "<form method=post action=/in><input name=a value=1><form action=/other><input name=b value=2></form><input name=c value=3>",
    ),
    _raw(
        "form in a table",
        "<table><form method=post action=/in><tr><td><input name=a value=1></td></tr><tr><td><input name=b value=2></td></tr></form></table>",
    ),
    _raw(
        "form in a row",
        "<table><tr><form method=post action=/in><td><input name=a value=1></td><td><input type=hidden name=h value=2><button name=b>Go</button></td></form></tr></table>",
    ),
    _raw(
        "form cut short by its parent",
        "<div><form method=post action=/in><input name=a value=1></div><p><input name=b value=2></p></form>",
    ),
    _raw(
        "end tag inside a child",
        "<form method=post action=/in><div><input name=a value=1></form><input name=b value=2></div>",
    ),
    _raw("never closed", "<form method=post action=/in><input name=a value=1><div><p><input name=b value=2>"),
    _raw("in a paragraph", "<p><form method=post action=/in><p><input name=a value=1></form>"),
    _raw(
        "names in a comment and a script",
        "<!-- <form> --><script>'<form>'</script><form method=post action=/in><input name=a value=1></form>",
    ),
    # Encodings.
    _post("latin-1", "<input name=q value='Größe'><input name='ö' value='€&#1078;'>", "windows-1252"),
    _raw(
        "get in cyrillic", "<form action='/in'><input name=q value='Привет &#8364; &#26085;'></form>", "windows-1251"
    ),
    _post("japanese", "<input name=q value='日本 &#233;'>", "shift_jis"),
    _post("chinese", "<input name=q value='书 &#8364; &#128512;'>", "gbk"),
    _post("traditional chinese", "<input name=q value='書'>", "big5"),
    _post("korean", "<input name=q value='책'>", "euc-kr"),
    _post(
        "accept-charset",
        "<input name=q value='é€'><input type=hidden name=_charset_>",
        attributes="accept-charset='bogus iso-8859-2 utf-8'",
    ),
    _post(
        "unknown accept-charset",
        "<input name=q value='é'><input type=hidden name=_charset_>",
        "windows-1252",
        "accept-charset=bogus",
    ),
    _post("charset told", "<input type=hidden name=_Charset_ value=x><input name=_charset_ value=y>", "koi8-r"),
    _post("charset told in japanese", "<input type=hidden name=_charset_>", "shift_jis"),
    _post("multipart in latin-1", "<input name='ä' value='ü&#1078;'>", "windows-1252", "enctype=multipart/form-data"),
    _post("plain text in latin-1", "<input name='ä' value='ü&#1078;'>", "windows-1252", "enctype=text/plain"),
    _raw("action in latin-1", "<form method=post action='/in/ü?ü'><input name=a value=1></form>", "windows-1252"),
)


def _links(name: str, *links: str, encoding: str = "utf-8", head: str = "") -> Judged:
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    return Judged(name, f"<!DOCTYPE html>{head}{anchors}", encoding)


LINKS = (
    _links("relative", "a", "./b", "../c", "d/../e", "?q", "/f//g", "//127.0.0.1:PORT/h", "d/./e/", "../../../up"),
    _links("spaces", "  /a  ", "/b c", "/d\te\nf", "/g?h i", "/%20%2f%7e", "/a+b?c+d"),
    _links("letters", "/ü?ü", "/日本?日本", "/é/?q=é&amp;r=%C3%A9"),
    _links("marks in a path", "/a'b\\c/{d}|[e]^`f", "/a;b=c,d:e@f!$()*", "/%zz/100%", "/a&quot;b&lt;c&gt;d"),
    _links(
        "marks in a query",
        "/?a'b\\c/{d}|[e]^`f",
        "/?a;b=c,d:e@f!$()*?/",
        "/q?x=100%&y=%C3%A9",
        "/?a&quot;b&lt;c&gt;d",
    ),
    _links("dots", "/a/./b/../c", "/a/%2e/b/%2E%2e/c", "/..", "/a/..;/b", "/a/..."),
    _links("references", "/?a=1&amp;b=2", "/?a=1&copy=2", "/?a=1&not_me=2", "/&#252;?&#252;", "/?reg=1&reg;"),
    _links("base", "a", "../b", "?c", head="<base href=/x/y/z>"),
    _links("base elsewhere later", "a", head="<base target=_self><base href=/q/><base href=/r/>"),
    _links("latin-1", "/suche?wort=Größe", "/ü/?ü#ü", "?a=%FC&b=ü", "?&#1078;=€", encoding="windows-1252"),
    _links("central european", "/?zażółć", "/zażółć", encoding="iso-8859-2"),
    _links("cyrillic", "/п?п='п'", "/?q=&#8364;", encoding="windows-1251"),
    _links("koi8", "/?п", encoding="koi8-r"),
    _links("turkish", "/?şıİ", encoding="windows-1254"),
    _links("baltic", "/?ąžų", encoding="windows-1257"),
    _links("greek", "/?αβγ", encoding="windows-1253"),
    _links("hebrew", "/?שלום", encoding="windows-1255"),
    _links("arabic", "/?مرحبا", encoding="windows-1256"),
    _links("thai", "/?ไทย", encoding="windows-874"),
    _links("gbk", "/?书", "/书", "/?&#8364;&#128512;", encoding="gbk"),
    _links("gb18030", "/?书&#128512;", encoding="gb18030"),
    _links("big5", "/?書", "/?&#20070;", encoding="big5"),
    _links("shift_jis", "/?日本ｱ", "/?&#233;", encoding="shift_jis"),
    _links("euc-jp", "/?日本", encoding="euc-jp"),
    _links("euc-kr", "/?책", encoding="euc-kr"),
    _links("utf-16 is sent as utf-8", "/?ü", encoding="utf-8", head="<meta charset=utf-16>"),
)


def _text(name: str, markup: str) -> Judged:
    return Judged(name, f"<!DOCTYPE html><meta charset=utf-8><div id=t>{markup}</div>")


TEXTS = (
    _text("text: a line break", "<p>Main St 5<br>12345 Berlin</p>"),
    _text("text: paragraphs", "<p>1</p><p>299,00 \u20ac</p>"),
    _text("text: inline elements", "a<b>b</b><i>c</i> <span>d</span>e"),
    _text("text: a superscript", "\u20ac12<sup>99</sup>"),
    _text("text: cells", "<table><tr><td>1</td><td>2</td></tr><tr><th>3</th><td>4</td></tr></table>"),
    _text("text: lists", "<ul><li>1<li>2<ul><li>3</ul></ul><dl><dt>4<dd>5</dl>"),
    _text("text: scripts and styles", "a<script>b</script><style>c{}</style><template>d</template>e"),
    _text("text: nested blocks", "<div>1<div>2</div>3</div><section><article>4</article>5</section>"),
    _text("text: headings", "<h1>One</h1><h2>Two</h2>three<hr>four"),
    _text("text: spaces", "  a \n b&nbsp;c\t<b> d </b>  "),
    _text("text: preformatted", "<pre>a\n  b</pre>"),
    _text("text: a comment inside a word", "a<!-- x -->b"),
    _text("text: a figure", "<figure><img alt=x>1<figcaption>2</figcaption></figure>"),
    _text("text: a word that may be broken", "ab<wbr>cd&shy;ef"),
    _text("text: forms", "<form><fieldset><legend>1</legend><label>2</label><button>3</button></fieldset></form>"),
    _text(
        "text: quotes and addresses",
        "<blockquote>1</blockquote><address>2</address><details open><summary>3</summary>4</details>",
    ),
    _text("text: options", "<select><option>1<option selected>2<optgroup label=g><option>3</optgroup></select>x"),
    _text("text: a price struck out", "<del>20</del><ins>15</ins> <s>9</s><u>8</u>"),
    _text("text: hidden", "a<span hidden>b</span><p hidden>c</p>d<noscript>e</noscript>f"),
    _text("text: ruby", "<ruby>\u6f22<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>"),
    _text(
        "text: a table with all its parts",
        "<table><caption>0<thead><tr><th>1<th>2<tbody><tr><td>3<td>4<tfoot><tr><td>5</table>",
    ),
    _text("text: a table in a cell", "<table><tr><td>1<table><tr><td>2<td>3</table><td>4</table>"),
    _text("text: an empty cell", "<table><tr><td>1<td><td>3<tr><td><td>5</table>"),
    _text("text: closed details", "<details><summary>1</summary>2</details>3"),
    _text("text: details without a summary", "<details open>2</details>3"),
    _text("text: a dialog", "a<dialog>b</dialog>c<dialog open>d</dialog>e"),
    _text("text: inputs", "a<input value=b>c<textarea>d</textarea>e<button>f</button>g"),
    _text("text: media", "a<video>b</video>c<audio>d</audio>e<canvas>f</canvas>g<iframe>j</iframe>k"),
    _text("text: drawings", "a<svg><title>b</title><text>c</text></svg>d<svg><desc>e</desc></svg>f"),
    _text("text: a formula", "<math><mn>2</mn><mo>+</mo><mn>1</mn></math>b"),
    _text("text: centre, marquee and font", "a<center>b</center>c<font color=red>d</font>e<big>f</big>g<tt>h</tt>"),
    _text("text: horizontal rules in inline elements", "a<span>b<hr>c</span>d<em>e<div>f</div>g</em>h"),
    _text("text: line breaks in a row", "a<br><br/>b<br clear=all>c</br>d"),
    _text("text: references", "&lt;b&gt; &amp;amp; &copy; &#8364; &nbsp;&euro;1&thinsp;234 &notit; &ampx"),
    _text(
        "text: sections",
        "<header>1</header><nav>2</nav><main>3</main><aside>4</aside><footer>5</footer><search>6</search>",
    ),
    _text("text: menus and directories", "<menu><li>1<li>2</menu><dir><li>3</dir><dl><div><dt>4<dd>5</div></dl>"),
    _text("text: subscripts", "H<sub>2</sub>O m<sup>2</sup> x<small>y</small>z"),
    _text(
        "text: labels and outputs",
        "<label>1</label><output>2</output><meter>3</meter><progress>4</progress><data>5</data><time>6</time>",
    ),
    _text("text: an element that no one knows", "<price-tag>1</price-tag><price-tag>2</price-tag><x>3</x>"),
    _text("text: slots and templates", "a<slot>b</slot>c<template><p>d</p></template>e"),
    _text("text: listings", "<xmp>a<b>\nc</xmp>e<listing>d\n e</listing>"),
    _text("text: a map and its areas", "a<map><area alt=b href=/>c</map>d<img alt=e>f"),
    _text("text: words of two directions", "<bdo dir=rtl>abc</bdo><bdi>def</bdi><q>g</q><abbr title=x>h</abbr>"),
    _text("text: misnested", "<b><p>1</b>2</p><i>3<div>4</i>5</div>"),
    _text("text: blocks in a link", "<a href=/><h3>1</h3><p>2</p></a><a href=/>3</a><a href=/>4</a>"),
    _text("text: a frame set's words", "a<noframes>b</noframes><noembed>c</noembed>d<embed>e"),
)


def _cookies(name: str, *lines: str) -> Judged:
    return Judged(f"cookies: {name}", "<!DOCTYPE html>x", cookies=lines)


COOKIES = (
    _cookies("plain", "NAME=1"),
    _cookies("a gate with empty attributes", "NAME=1; Expires=; Domain=; Path=/"),
    _cookies("dates that are none", "NAMEa=1; Expires=soon", "NAMEb=2; Expires=0", "NAMEc=3; expires"),
    _cookies(
        "dates",
        "NAMEa=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT",
        "NAMEb=2; Expires=Wednesday, 09-Jun-99 10:18:14 GMT",
        "NAMEc=3; Expires=Wed Jun  9 10:18:14 2032",
        "NAMEd=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "NAMEe=5; Expires=09 jun 2031 1:2:3",
        "NAMEf=6; Expires=Wed, 31 Feb 2032 10:00:00 GMT",
    ),
    _cookies("odd ages", "NAMEa=1; Max-Age=", "NAMEb=2; Max-Age=x", "NAMEc=3; Max-Age=1.5", "NAMEd=4; max-age=+60"),
    _cookies(
        "ages",
        "NAMEa=1; Max-Age=0",
        "NAMEb=2; Max-Age=-1",
        "NAMEc=3; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    _cookies("a long age", "NAME=1; Max-Age=99999999999999999999"),
    _cookies("quoted paths", 'NAMEa=1; Path="/"', "NAMEb=2; Path='/'", 'NAMEc=3; Path="/page"'),
    _cookies(
        "paths",
        "NAMEa=1; Path=/page",
        "NAMEb=2; Path=/pag",
        "NAMEc=3; Path=/page/",
        "NAMEd=4; Path=page",
        "NAMEe=5; Path=/other",
    ),
    _cookies(
        "several paths", "NAMEa=1; Path=/other; Path=/", "NAMEb=2; Path=/; Path=/other", "NAMEc=3; Path=/other; Path="
    ),
    _cookies(
        "domains of an address", "NAMEa=1; Domain=127.0.0.1", "NAMEb=2; Domain=.127.0.0.1", "NAMEc=3; Domain=0.0.1"
    ),
    _cookies(
        "domains elsewhere",
        "NAMEa=1; Domain=shop.example",
        "NAMEb=2; Domain=com",
        "NAMEc=3; Domain=shop.example; Domain=",
    ),
    _cookies("quotes in values", 'NAMEa="x y"', 'NAMEb="a\\"b"', 'NAMEc="open', "NAMEd='x'", 'NAMEe={"a":1}'),
    _cookies("values", "NAMEa=", "NAMEb==", "NAMEc=a=b=c", "NAMEd= a b ", "NAMEe=a,b", "NAMEf=%22;x"),
    _cookies("a tab inside of a value", "NAME=a\tb"),
    _cookies("spaces around", "  NAME  =  1  ;  Path  =  /  ", "NAMEb\t=\t2\t"),
    _cookies("names", "NAME.a=1", "NAME[b]=2", "NAME c=3", "NAME/d=4", "NAME:e=5", "NAME@f=6"),
    _cookies("set and deleted", "NAMEa=1", "NAMEa=gone; Max-Age=0", "NAMEb=gone; Max-Age=0", "NAMEb=2"),
    _cookies("set again", "NAMEa=1", "NAMEb=2", "NAMEa=3"),
    _cookies("longer paths first", "NAMEa=1; Path=/", "NAMEb=2; Path=/page/", "NAMEa=3; Path=/page"),
    _cookies("attributes that no one knows", "NAME=1; Version=1; Comment=x; Port=99; Priority=High; =; ;;x=y"),
    _cookies(
        "same site", "NAMEa=1; SameSite=Lax", "NAMEb=2; SameSite=Strict", "NAMEc=3; SameSite=Odd", "NAMEd=4; HttpOnly"
    ),
    _cookies("letters beyond ASCII", "NAME=gr\u00fc\u00df"),
    _cookies("a value of four thousand characters", "NAMEa=" + "x" * 4_000, "NAMEb=" + "x" * 4_097),
    _cookies("secure", "NAME=1; Secure"),
)
