"""Cookies by RFC 6265, section 5: what is set with one response, and what the next request carries.

A line of the table: Set-Cookie values with ` && ` between them, what is sent, and where the request goes to if not to
`/x/y` of the same host. `\\t` stands for a tab. All are set by http://home.shop.example/x/y.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from scraper.fetch.cookies import LockedJar
from scraper.fetch.set_cookie import read_cookie_date

BASE = "http://home.shop.example/x/y"
LATER, BEFORE = "Tue, 01 Jan 2097 10:00:00 GMT", "Tue, 01 Jan 2019 10:00:00 GMT"
VECTORS = """
# 5.2: name and value
a=1                                          | a=1
a=1;                                         | a=1
 a  =  1                                     | a=1
\\ta\\t=\\t1\\t;Path=/                       | a=1
a=1 2                                        | a=1 2
a=                                           | a=
a==1                                         | a==1
a=b=c                                        | a=b=c
a="1"                                        | a="1"
a="1;2"                                      | a="1
a='1'                                        | a='1'
a="\\"                                       | a="\\"
a=1,b=2                                      | a=1,b=2
a,b=1                                        | a,b=1
a b=1                                        | a b=1
a[0]=1                                       | a[0]=1
a"b=1                                        | a"b=1
$a=1                                         | $a=1
a=$Path                                      | a=$Path
a=%3B%20                                     | a=%3B%20
a=\u00e4\u20ac                               | a=\u00e4\u20ac
A=1 && a=2                                   | A=1; a=2
a                                            |
=1                                           |
;a=1                                         |
 ; Path=/                                    |
a=1\x01                                      |
Path=/                                       | Path=/
# 5.2: attributes that are unknown, empty or odd
a=1; x                                       | a=1
a=1; x=y; =z; ;;                             | a=1
a=1; ; HttpOnly; SameSite=Lax; Priority=High | a=1
a=1; HttpOnly=false                          | a=1
a=1; Version=1; Comment="x;y"; Port="80"     | a=1
a=1; Expires                                 | a=1
a=1; Domain                                  | a=1
a=1; Domain=; Path=; Expires=; Max-Age=      | a=1
a=1; DOMAIN=home.shop.example; pAtH=/x       | a=1
a=1;Path = /x ; Domain = shop.example        | a=1
# 5.2.1, 5.2.2: until when
a=1; Expires=LATER                           | a=1
a=1; Expires=BEFORE                          |
a=1; Expires="BEFORE"                        |
a=1; Expires=BEFORE; Expires=LATER           | a=1
a=1; Expires=LATER; Expires=BEFORE           |
a=1; Expires=soon                            | a=1
a=1; Expires=Tue, 31 Feb 2019 10:00:00 GMT   | a=1
a=1; Expires=0                               | a=1
a=1; Max-Age=0                               |
a=1; Max-Age=-1                              |
a=1; Max-Age=60                              | a=1
a=1; Max-Age=0060                            | a=1
a=1; Max-Age=60; Max-Age=0                   |
a=1; Max-Age=60.5                            | a=1
a=1; Max-Age=+0                              | a=1
a=1; Max-Age=0x0                             | a=1
a=1; Max-Age="0"                             | a=1
a=1; Max-Age=-                               | a=1
a=1; Max-Age=99999999999999999999            | a=1
a=1; Max-Age=-99999999999999999999           |
a=1; Max-Age=60; Expires=BEFORE              | a=1
a=1; Expires=LATER; Max-Age=0                |
a=1; Expires=BEFORE; Max-Age=x               |
# 5.3: one takes another's place
a=1 && a=2                                   | a=2
a=1 && a=2; Max-Age=0                        |
a=1 && a=; Expires=BEFORE                    |
a=1; Path=/ && a=2; Max-Age=0                | a=1
a=1; Path=/ && a=2; Max-Age=0; Path=/        |
a=1; Path=/ && a=2; Path=/x                  | a=2; a=1
a=1; Domain=shop.example && a=2              | a=1; a=2
a=1 && b=2 && a=3                            | a=3; b=2
a=1 && b=2 && a=; Max-Age=0 && a=4           | b=2; a=4
a=; Max-Age=0 && a=1                         | a=1
# 5.1.3, 5.2.3: to which hosts
a=1                                          | a=1 | //HOME.shop.example/x/y
a=1                                          | | //shop.example/x/y
a=1                                          | | //sub.home.shop.example/x/y
a=1                                          | | //xhome.shop.example/x/y
a=1; Domain=home.shop.example                | a=1 | //sub.home.shop.example/x/y
a=1; Domain=.home.shop.example               | a=1 | //sub.home.shop.example/x/y
a=1; Domain=shop.example                     | a=1 | //shop.example/x/y
a=1; Domain=shop.example                     | a=1 | //other.shop.example/x/y
a=1; Domain=SHOP.Example                     | a=1 | //other.shop.example/x/y
a=1; Domain=shop.example                     | | //xshop.example/x/y
a=1; Domain=shop.example                     | | //shop.example.evil.example/x/y
a=1; Domain=example                          |
a=1; Domain=.example                         |
a=1; Domain=other.shop.example               |
a=1; Domain=sub.home.shop.example            |
a=1; Domain=hop.example                      |
a=1; Domain=me.shop.example                  |
a=1; Domain=http://home.shop.example         |
a=1; Domain=home.shop.example:80             |
a=1; Domain=shop.example; Domain=other.example |
a=1; Domain=other.example; Domain=shop.example | a=1
a=1; Domain=shop.example                     | a=1 | //home.shop.example:8080/x/y
# 5.1.4, 5.2.4: to which paths
a=1                                          | a=1 | /x
a=1                                          | a=1 | /x/
a=1                                          | a=1 | /x/z/w?q
a=1                                          | | /
a=1                                          | | /xx/y
a=1                                          | | /X/y
a=1; Path=/                                  | a=1 | /z
a=1; Path=/                                  | a=1 | /?/x
a=1; Path=/x/                                | | /x
a=1; Path=/x/                                | a=1 | /x/
a=1; Path=/x/y                               | a=1 | /x/y/z
a=1; Path=/x/y                               | | /x/yz
a=1; Path=/z                                 |
a=1; Path=/z                                 | a=1 | /z
a=1; Path=z                                  | a=1
a=1; Path="/z"                               | a=1
a=1; Path=                                   | a=1
a=1; Path=/z; Path=                          | a=1
a=1; Path=/z; Path=/x                        | a=1
a=1; Path=/x; Path=/z                        |
a=1; Path=/x?q                               |
a=1; Path=/%78                               |
a=1; Path=//x                                |
# 5.2.5: over what
a=1; Secure                                  |
a=1; Secure=no                               |
a=1; Secure                                  | a=1 | https://home.shop.example/x/y
a=1                                          | a=1 | https://home.shop.example/x/y
# 5.4: in which order
a=1; Path=/ && b=2; Path=/x/y && c=3; Path=/x | b=2; c=3; a=1
a=1 && b=2 && c=3                            | a=1; b=2; c=3
"""
DATES = {
    "Tue, 01 Jan 2030 10:20:30 GMT": "2030-01-01 10:20:30",
    "Tuesday, 01-Jan-30 10:20:30 GMT": "2030-01-01 10:20:30",
    "Tue Jan  1 10:20:30 2030": "2030-01-01 10:20:30",
    "1 jan 2030 10:20:30": "2030-01-01 10:20:30",
    "10:20:30 2030 January 1st": "2030-01-01 10:20:30",
    "01-Jan-2030 10:20:30 +0500": "2030-01-01 10:20:30",
    "1 Jan 2030 1:2:3": "2030-01-01 01:02:03",
    "1;Jan;2030;10:20:30": "2030-01-01 10:20:30",
    "Jan 31 69 10:20:30": "2069-01-31 10:20:30",
    "Jan 31 70 10:20:30": "1970-01-31 10:20:30",
    "29 Feb 2028 00:00:00": "2028-02-29 00:00:00",
    "31 Dec 1601 23:59:59": "1601-12-31 23:59:59",
    "30 Feb 2028 00:00:00": None,
    "1 Jan 1600 00:00:00": None,
    "1 Jan 2030 24:00:00": None,
    "1 Jan 2030 10:20:61": None,
    "1 Jan 2030 10:20": None,
    "1 Jan 2030": None,
    "Jan 2030 10:20:30": None,
    "1 Foo 2030 10:20:30": None,
    "2030-01-01T10:20:30Z": None,
    "": None,
}


def _rows() -> list[tuple[str, str, str]]:
    """Return lines that are set, what is sent, and the address that it is sent to."""
    found = []
    for line in VECTORS.replace("LATER", LATER).replace("BEFORE", BEFORE).replace("\\t", "\t").split("\n"):
        if line and not line.startswith("#"):
            parts = line.split("|")
            to = parts[2].strip(" ") if len(parts) > 2 else ""
            found.append((parts[0].rstrip(" "), parts[1].strip(" "), to))
    return found


@pytest.mark.parametrize(("lines", "sent", "to"), _rows())
def test_what_is_sent_of_what_was_set(lines: str, sent: str, to: str) -> None:
    jar = LockedJar()
    for line in lines.split(" && "):
        jar.take(line, BASE)
    assert jar.header_of(urljoin(BASE, to) if to else BASE) == sent


@pytest.mark.parametrize(("text", "date"), DATES.items())
def test_what_date_a_cookie_expires(text: str, date: str | None) -> None:
    found = read_cookie_date(text)
    assert (found and datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M:%S")) == date
