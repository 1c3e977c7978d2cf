"""What finds the main text of a page, and what makes Markdown of HTML: libraries side by side, on pages of Debian's.

    python -m tests.bench.extraction [--pages 60] [--only resiliparse,trafilatura]

The pages are the manuals of PostgreSQL (postgresql-doc-15), Python (python3.11-doc), Node.js (nodejs-doc) and Vim
(vim-doc), where these are installed, and pages of DokuWiki. Their main text is what lies in the element that each of
their designs has for it, without navigation. Given are, by library that is installed: the median of the F1 of words
(as a multiset, with their order left out), its lowest tenth, and the CPU time of a page. Markdown is read again, and
its words are compared with all that the page has.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

from selectolax.lexbor import LexborHTMLParser

DOC = Path("/usr/share/doc")
#: By design, where its pages are, the selector of their main text, and what in it is navigation.
DESIGNS = {
    "PostgreSQL": ("postgresql-doc-15/html/*.html", "body", ".navheader, .navfooter"),
    "Python": ("python3.11/html/library/*.html", "div[role=main]", ".headerlink"),
    "Node.js": ("nodejs/api/*.html", "#apicontent", ".mark, .js-flavor-toggle"),
    "Vim": ("vim/html/*.html", "pre", ""),
}
WIKI = "#dokuwiki__content .page", ".secedit, #dw__toc"


def pages(most: int) -> Iterator[tuple[str, str, str]]:
    """Yield design, HTML and main text."""
    for name, (glob, main, without) in DESIGNS.items():
        found = sorted(DOC.glob(glob))
        for path in found[:: max(1, len(found) // most)][:most]:
            html = path.read_text(encoding="utf-8", errors="replace")
            if text := truth(html, main, without):
                yield name, html, text
    yield from of_dokuwiki()


def of_dokuwiki() -> Iterator[tuple[str, str, str]]:
    from tests.servers.dokuwiki import DokuWiki, have_dokuwiki

    if not have_dokuwiki():
        return
    words = (DOC / "dokuwiki" / "README").read_text(errors="replace").split()
    texts = {
        f"p{number}": f"====== Page {number} ======\n\nBy **somebody**.\n\n"
        + "\n\n".join(f"==== Part {part} ====\n\n{' '.join(words[part * 20 : part * 20 + 60])}\n\n  * a\n  * b"
                      for part in range(1, number + 3))
        for number in range(1, 13)
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, DokuWiki(Path(folder), texts) as wiki:
        for name in texts:
            with urlopen(wiki.page(name), timeout=10) as answer:
                html = answer.read().decode()
            yield "DokuWiki", html, truth(html, *WIKI)


def truth(html: str, main: str, without: str) -> str:
    tree = LexborHTMLParser(html)
    node = tree.css_first(main)
    if node is None:
        return ""
    for each in node.css(f"script, style{', ' + without if without else ''}"):
        each.decompose()
    return str(node.text(separator=" "))


def f1(found: str, wanted: str) -> float:
    ours, theirs = (Counter(re.findall(r"\w+", text.lower())) for text in (found, wanted))
    common = sum((ours & theirs).values())
    return 2 * common / (sum(ours.values()) + sum(theirs.values()) or 1)


# The libraries -------------------------------------------------------------------------------------------


def by_trafilatura(html: str) -> str:
    import trafilatura

    return trafilatura.extract(html, include_comments=False) or ""


def by_trafilatura_fast(html: str) -> str:
    import trafilatura

    return trafilatura.extract(html, include_comments=False, fast=True) or ""


def by_trafilatura_recall(html: str) -> str:
    import trafilatura

    return trafilatura.extract(html, include_comments=False, favor_recall=True) or ""


def by_readability(html: str) -> str:
    from readability import Document

    return LexborHTMLParser(Document(html).summary()).text(separator=" ")


def by_resiliparse(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(html, main_content=True))


def by_justext(html: str) -> str:
    import justext

    return " ".join(p.text for p in justext.justext(html, justext.get_stoplist("English")) if not p.is_boilerplate)


def by_boilerpy3(html: str) -> str:
    from boilerpy3 import extractors

    return str(extractors.ArticleExtractor(raise_on_failure=False).get_content(html))


def by_goose3(html: str) -> str:
    from goose3 import Goose

    with Goose({"enable_image_fetching": False}) as goose:
        return str(goose.extract(raw_html=html).cleaned_text)


MAIN_TEXT: dict[str, tuple[str, Callable[[str], str]]] = {
    "trafilatura": ("trafilatura", by_trafilatura),
    "trafilatura fast": ("trafilatura", by_trafilatura_fast),
    "trafilatura recall": ("trafilatura", by_trafilatura_recall),
    "readability-lxml": ("readability", by_readability),
    "resiliparse": ("resiliparse", by_resiliparse),
    "justext": ("justext", by_justext),
    "boilerpy3": ("boilerpy3", by_boilerpy3),
    "goose3": ("goose3", by_goose3),
}


# Markdown ------------------------------------------------------------------------------------------------


def by_field(html: str) -> str:
    from scraper import Response
    from scraper.rules.page import Page
    from scraper.rules.prose import to_markdown

    page = Page(Response("http://a.example/", headers={"Content-Type": "text/html"}, body=b""))
    return to_markdown(html, page) or ""


def by_html_to_markdown(html: str) -> str:
    import html_to_markdown

    return str(html_to_markdown.convert(html).content)


def by_markdownify(html: str) -> str:
    import markdownify

    return str(markdownify.markdownify(html, heading_style="ATX"))


def by_html2text(html: str) -> str:
    import html2text

    maker = html2text.HTML2Text(bodywidth=0)
    return str(maker.handle(html))


MARKDOWN: dict[str, tuple[str, Callable[[str], str]]] = {
    "type: markdown": ("html_to_markdown", by_field),
    "html-to-markdown": ("html_to_markdown", by_html_to_markdown),
    "markdownify": ("markdownify", by_markdownify),
    "html2text": ("html2text", by_html2text),
}


def back(markdown: str) -> str:
    """Return what a reader of CommonMark, with tables, shows of Markdown."""
    import markdown_it

    html = markdown_it.MarkdownIt("commonmark").enable("table").render(markdown)
    return str(LexborHTMLParser(html).text(separator=" "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    corpus = list(pages(asked.pages))
    print(
        Counter(name for name, _, _ in corpus),
        f"{sum(len(html) for _, html, _ in corpus) // len(corpus):,} characters",
    )
    for name, (module, extract) in {**MAIN_TEXT, **MARKDOWN}.items():
        if importlib.util.find_spec(module) is None or (asked.only and name not in asked.only.split(",")):
            continue
        extract(corpus[0][1])
        is_markdown = name in MARKDOWN
        began = time.process_time()
        found = [extract(html) for _, html, _ in corpus]
        spent = (time.process_time() - began) / len(corpus)
        scores: dict[str, list[float]] = {}
        for (design, html, wanted), text in zip(corpus, found, strict=True):
            # Of Markdown, all that the page shows is compared.
            pair = (back(text), truth(html, "body", "")) if is_markdown else (text, wanted)
            scores.setdefault(design, []).append(f1(*pair))
        every = sorted(score for some in scores.values() for score in some)
        by = ", ".join(f"{design} {statistics.median(some):.2f}" for design, some in scores.items())
        print(f"{name:20} {spent * 1000:6.1f} ms  median {statistics.median(every):.2f}"
              f"  lowest tenth {every[len(every) // 10]:.2f}   {by}")  # fmt: skip


if __name__ == "__main__":
    main()
