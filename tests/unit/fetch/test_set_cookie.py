"""Cookies are read, kept and sent back as browsers do it (RFC 6265 section 5)."""

from __future__ import annotations

import calendar
import time

import pytest

from scraper.fetch.cookies import MAX_HEADER, LockedJar
from scraper.fetch.set_cookie import read_cookie_date

SHOP = "http://www.shop.co.uk/gate/in"


def sent(*lines: str, to: str = SHOP, by: str = SHOP) -> str:
    jar = LockedJar()
    for line in lines:
        jar.take(line, by)
    return jar.header_of(to)


class TestOddLines:
    @pytest.mark.parametrize(
        "line",
        [
            "GATE=1; Expires=; Domain=; Path=/",
            "GATE=1; Expires=soon",
            "GATE=1; Expires=Fri, 31 Feb 2040 10:00:00 GMT",
            "GATE=1; Max-Age=",
            "GATE=1; Max-Age=x",
            "GATE=1; Max-Age=1.5",
            "GATE=1; Max-Age=+0",
            'GATE=1; Max-Age="0"',
            "GATE=1; Max-Age=" + "9" * 900,
            'GATE=1; Path="/elsewhere"',
            "GATE=1; Path=elsewhere",
            "GATE=1; Path",
            "GATE=1; Domain",
            "GATE=1; Domain=WWW.Shop.co.uk",
            "GATE=1; domain=.shop.co.uk; PATH=/",
            "GATE=1; Version=1; Comment=x; Port=99; SameSite=Odd; Priority=High; =; ;;",
            "  GATE \t=  1 ; HttpOnly=no",
            "GATE=1; Path=/a; Path=/gate",
            "GATE=1; Domain=other.example; Domain=",
            "GATE=1; " + "x" * 2000 + "=y",
        ],
    )
    def test_an_odd_attribute_is_passed_over_and_not_the_cookie(self, line: str) -> None:
        assert sent(line) == "GATE=1"

    @pytest.mark.parametrize(
        "value",
        ['"quoted"', '"a\\"b"', '{"a":1}', "a=b=c", "", "a b", "%22x%22", "a,b", "gr\u00fc\u00df", "\u00c3\u00bc"],
    )
    def test_a_value_goes_back_as_it_came(self, value: str) -> None:
        assert sent(f"v={value}") == f"v={value}"

    @pytest.mark.parametrize("line", ["", "word", "=nameless", ";", "; a=b", "a\0b=c", "a=b\x1b"])
    def test_what_sets_no_cookie(self, line: str) -> None:
        assert sent(line) == ""

    @pytest.mark.parametrize(
        "line",
        [
            "a=; Max-Age=0",
            "a=; Max-Age=-5",
            "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "a=x; Max-Age=-" + "9" * 900,
        ],
    )
    def test_set_and_deleted_in_one_answer(self, line: str) -> None:
        assert sent("a=1", line) == ""
        assert sent("a=1", line, "a=2") == "a=2"

    def test_max_age_comes_before_expires(self) -> None:
        assert sent("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT") == "a=1"
        assert sent("a=1; Expires=Wed, 01 Jan 2094 00:00:00 GMT; Max-Age=0") == ""


class TestWhere:
    @pytest.mark.parametrize(
        ("attribute", "hosts"),
        [
            ("", {"www"}),
            ("Domain=www.shop.co.uk", {"www", "a.www"}),
            ("Domain=shop.co.uk", {"", "www", "a.www", "m"}),
            ("Domain=.Shop.co.UK", {"", "www", "a.www", "m"}),
            ("Domain=co.uk", set()),
            ("Domain=uk", set()),
            ("Domain=m.shop.co.uk", set()),
            ("Domain=hop.co.uk", set()),
        ],
    )
    def test_to_which_hosts(self, attribute: str, hosts: set[str]) -> None:
        names = {"": "shop.co.uk", "www": "www.shop.co.uk", "a.www": "a.www.shop.co.uk", "m": "m.shop.co.uk"}
        got = {key for key, host in names.items() if sent(f"a=1; {attribute}", to=f"http://{host}/gate/")}
        assert got == hosts
        assert sent(f"a=1; {attribute}", to="http://evilshop.co.uk/gate/") == ""

    @pytest.mark.parametrize("host", ["co.uk", "github.io", "localhost", "127.0.0.1", "[::1]", "intranet"])
    def test_a_host_that_nobody_shares_keeps_its_cookie_to_itself(self, host: str) -> None:
        url = f"http://{host}/"
        name = host.strip("[]")
        assert sent(f"a=1; Domain={name}", by=url, to=url) == "a=1"
        assert sent(f"a=1; Domain={name}", by=url, to=f"http://shop.{name}/" if ":" not in name else SHOP) == ""

    @pytest.mark.parametrize(
        ("path", "of_cookie", "goes"),
        [
            ("/gate", "/gate", True),
            ("/gate/x", "/gate", True),
            ("/gateway", "/gate", False),
            ("/gate/x", "/gate/", True),
            ("/gate", "/gate/", False),
            ("/", "/", True),
            ("", "/", True),
            ("/GATE", "/gate", False),
        ],
    )
    def test_by_path(self, path: str, of_cookie: str, goes: bool) -> None:
        assert bool(sent(f"a=1; Path={of_cookie}", to=f"http://www.shop.co.uk{path}?q")) is goes

    def test_secure_ones_go_by_https_alone(self) -> None:
        assert sent("a=1; Secure", to=SHOP) == ""
        assert sent("a=1; Secure=anything", to=SHOP.replace("http:", "https:")) == "a=1"

    def test_longer_paths_first_then_the_older(self) -> None:
        lines = ["b=1; Path=/", "a=2; Path=/gate", "c=3; Path=/", "d=4; Domain=shop.co.uk; Path=/", "b=5; Path=/"]
        assert sent(*lines) == "a=2; b=5; c=3; d=4"

    def test_one_for_the_host_and_one_for_its_domain_are_one_cookie(self) -> None:
        assert sent("a=1", "a=2; Domain=www.shop.co.uk") == "a=2"
        assert sent("a=1; Domain=www.shop.co.uk", "a=; Max-Age=0") == ""

    def test_the_order_outlives_the_store(self) -> None:
        jar, copy = LockedJar(), LockedJar()
        for line in ("b=1; Domain=shop.co.uk", "a=2", "c=3; Domain=shop.co.uk"):
            jar.take(line, SHOP)
        copy.load(jar.dump())
        assert copy.header_of(SHOP) == jar.header_of(SHOP) == "b=1; a=2; c=3"


class TestLength:
    def test_a_flood_of_cookies_does_not_drown_the_short_ones(self, caplog: pytest.LogCaptureFixture) -> None:
        jar = LockedJar()
        jar.take("login=me", SHOP)
        for number in range(90):
            jar.take(f"flood{number}={'x' * 4000}", SHOP)
        jar.take("theme=dark", SHOP)
        header = jar.header_of(SHOP)
        assert len(header) <= MAX_HEADER
        assert header.startswith("login=me; ") and header.endswith("; theme=dark")
        assert jar.header_of(SHOP) == header
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "www.shop.co.uk" in caplog.text


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 november 94 8:49:37",
            "1994 08:49:37 06 Nov",
            "Sun,06/Nov/1994(08:49:37)+0000",
            "06nd Nov 1994AD 08:49:37Z",
        ],
    )
    def test_as_servers_write_them(self, text: str) -> None:
        assert read_cookie_date(text) == calendar.timegm((1994, 11, 6, 8, 49, 37))

    @pytest.mark.parametrize(
        "text",
        ["", "0", "tomorrow", "06 Nov 1994", "08:49:37", "32 Nov 1994 08:49:37", "06 Nov 1600 08:49:37",
         "06 Nov 1994 24:00:00", "06 Nov 1994 08:60:00", "30 Feb 1994 08:00:00", "06 Nov 1994 8:49"],
    )  # fmt: skip
    def test_what_is_no_date(self, text: str) -> None:
        assert read_cookie_date(text) is None

    @pytest.mark.parametrize(("year", "means"), [("70", 1970), ("99", 1999), ("00", 2000), ("69", 2069)])
    def test_two_digits_of_a_year(self, year: str, means: int) -> None:
        found = read_cookie_date(f"01-Jan-{year} 00:00:00 GMT")
        assert found is not None
        assert time.gmtime(found).tm_year == means
