"""robots.txt to the letter of RFC 9309: who is spoken to, which line decides, and nothing that a file can break."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.robots import ASK_AGAIN_AFTER, HOLDS_FOR, MAX_BYTES, Robots, RobotsState, product_token

_HERE = "http://example.com"


def rules(text: str | bytes) -> Robots:
    """A robots.txt as a server sends it."""
    return Robots.of_answer(200, text if isinstance(text, bytes) else text.encode(), 0.0)


def refused(robots: Robots, *paths: str, token: str = "bot") -> list[str]:
    """Those of the paths that the token may not fetch."""
    return [path for path in paths if not robots.allows(_HERE + path, token)]


def for_all(*lines: str) -> Robots:
    """These lines, said to everyone."""
    return rules("\n".join(["User-agent: *", *lines]))


# What an answer means --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, RobotsState.RULES),
        (204, RobotsState.RULES),
        (404, RobotsState.NONE),
        (401, RobotsState.NONE),
        (429, RobotsState.NONE),
        (500, RobotsState.UNREACHABLE),
        (503, RobotsState.UNREACHABLE),
        (304, RobotsState.UNREACHABLE),
        (101, RobotsState.UNREACHABLE),
    ],
)
def test_an_answer_s_status_says_whether_there_are_rules(status: int, state: RobotsState) -> None:
    robots = Robots.of_answer(status, b"User-agent: *\nDisallow: /closed", 7.0)
    assert (robots.state, robots.asked_at) == (state, 7.0)
    assert robots.allows(f"{_HERE}/open", "bot") is (state is not RobotsState.UNREACHABLE)
    assert robots.allows(f"{_HERE}/closed", "bot") is (state is RobotsState.NONE)
    assert (str(status) in robots.why) is (state is not RobotsState.RULES)


def test_without_rules_there_is_no_line_no_delay_and_no_sitemap() -> None:
    for status in (404, 500):
        robots = Robots.of_answer(status, b"User-agent: *\nDisallow: /\nCrawl-delay: 9\nSitemap: http://a.b/s", 0.0)
        assert (robots.line_for(_HERE, "bot"), robots.crawl_delay("bot"), robots.sitemaps(_HERE)) == (None, 0.0, [])


def test_rules_hold_for_a_day_and_a_failure_is_asked_about_again_soon() -> None:
    found, failed = Robots(RobotsState.RULES, asked_at=100.0), Robots(RobotsState.UNREACHABLE, asked_at=100.0)
    assert found.is_current(99.0 + HOLDS_FOR) and not found.is_current(100.0 + HOLDS_FOR)
    assert failed.is_current(99.0 + ASK_AGAIN_AFTER) and not failed.is_current(100.0 + ASK_AGAIN_AFTER)


# Who is spoken to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("acme-research/1.0 (+https://acme.example/bot)", "acme-research"),
        ("acme_bot", "acme_bot"),
        ("archive.org_bot/2", "archive.org_bot"),
        ("  acme bot", "acme"),
        ("Mozilla/5.0 (compatible; acmebot/1.0; +http://acme.example)", "acmebot"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; acmebot/2.1)", "acmebot"),
        ("Mozilla acmebot 99.9", "acmebot"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla"),
        ("(nobody)", "*"),
        ("", "*"),
    ],
)
def test_the_product_token_is_the_crawler_s_own_name(user_agent: str, token: str) -> None:
    assert product_token(user_agent) == token


@pytest.mark.parametrize(
    "line",
    [
        "User-agent: AcmeBot",
        "USER-AGENT:acmebot/2.0",
        "user-agent : ACMEBOT (x)",
        "User-agent: acmebot search",
        "User-agent: GoodBot, AcmeBot",
        "useragent: acmebot",
        "User-agent acmebot",
        "\ufeffUser-agent: acmebot",
    ],
)
def test_a_group_is_found_whatever_the_case_and_version(line: str) -> None:
    assert refused(rules(f"{line}\nDisallow: /x"), "/x", token="AcmeBot") == ["/x"]


@pytest.mark.parametrize(
    "name",
    [
        "acme",
        "acmebot2",
        "acmebot-images",
        "notacmebot",
        "acme*",
        "Mozilla/5.0 (compatible; acmebot/1.0)",
        "/acmebot",
    ],
)
def test_another_product_s_group_is_not_ours(name: str) -> None:
    robots = rules(f"User-agent: {name}\nDisallow: /theirs\n\nUser-agent: *\nDisallow: /all")
    assert refused(robots, "/theirs", "/all", token="acmebot") == ["/all"]


def test_the_group_for_all_counts_only_where_there_is_none_of_our_own() -> None:
    robots = rules("User-agent: *\nDisallow: /\n\nUser-agent: bot\nDisallow: /x")
    assert refused(robots, "/", "/x", token="bot") == ["/x"]
    assert refused(robots, "/", "/x", token="other") == ["/", "/x"]
    assert refused(rules("User-agent: *\nDisallow: /\nUser-agent: bot\nDisallow:"), "/x") == []


def test_the_groups_of_one_product_are_merged() -> None:
    robots = rules("User-agent: bot\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n\nUser-agent: BOT\nDisallow: /c")
    assert refused(robots, "/a", "/b", "/c") == ["/a", "/c"]
    twice = rules("User-agent: *\nDisallow: /a\nUser-agent: x\nDisallow: /y\nUser-agent: *\nDisallow: /b")
    assert refused(twice, "/a", "/b", "/y") == ["/a", "/b"]


def test_a_group_may_be_for_several_products() -> None:
    robots = rules("User-agent: a\nUser-agent: b\n\n# both\nUser-agent: *\nDisallow: /x\n\nUser-agent: c\nAllow: /")
    assert [refused(robots, "/x", token=token) for token in "abcd"] == [["/x"], ["/x"], [], ["/x"]]


@pytest.mark.parametrize(
    "between", ["Sitemap: http://a.b/c", "Unknown: x", "Host: a.b", "words", "Crawl-delay: 1", ""]
)
def test_other_lines_do_not_end_a_group(between: str) -> None:
    assert refused(rules(f"User-agent: bot\n{between}\nUser-agent: *\nDisallow: /"), "/x") == ["/x"]
    assert refused(rules(f"User-agent: bot\nAllow: /y\n{between}\nDisallow: /x"), "/x", "/y") == ["/x"]


def test_rules_before_any_user_agent_are_nobody_s() -> None:
    robots = rules("Disallow: /\nCrawl-delay: 3\nAllow: /\n\nUser-agent: *\nDisallow: /x")
    assert (refused(robots, "/", "/x"), robots.crawl_delay("bot")) == (["/x"], 0.0)


# Lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\r\n", " \t\n", " # a comment\n"])
def test_lines_end_as_they_do_anywhere(end: str) -> None:
    robots = rules(end.join(["# hello", "User-agent: bot", "Disallow: /x", "Allow: /x/y", ""]))
    assert refused(robots, "/x", "/x/y", "/z") == ["/x"]


def test_other_control_characters_end_no_line() -> None:
    robots = rules("User-agent: bot\nDisallow: /a\u2028Allow: /\x0bAllow: /\x0cAllow: /\x1eAllow: /\nDisallow: /b")
    assert refused(robots, "/b") == ["/b"]
    assert robots.line_for(f"{_HERE}/b", "bot") == "line 3: Disallow: /b"


def test_a_comment_ends_a_value_and_an_empty_value_is_no_rule() -> None:
    assert refused(for_all("Disallow: /x#y", "Disallow:", "Disallow: # /z", "Allow:"), "/x", "/xa", "/z") == [
        "/x",
        "/xa",
    ]


def test_misspelled_lines_count_and_sentences_do_not() -> None:
    robots = for_all("Dissallow: /a", "disalow: /b", "Disallow /c", "Disallow all /d", "<a href=/x>: /e")
    assert refused(robots, "/a", "/b", "/c", "/d", "/e") == ["/a", "/b", "/c"]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert refused(rules(b"\xef\xbb\xbfUser-agent: bot\nDisallow: /x"), "/x") == ["/x"]


def test_bytes_that_are_no_utf8_are_compared_percent_encoded_and_can_be_stored() -> None:
    robots = rules(b"User-agent: bot\nDisallow: /caf\xe9\nDisallow: /n\0l\nDisallow: /\xc3\xa9t\xc3\xa9")
    assert refused(robots, "/caf%E9", "/n%00l", "/%C3%A9t%C3%A9", "/cafe", "/caf%C3%A9") == [
        "/caf%E9",
        "/n%00l",
        "/%C3%A9t%C3%A9",
    ]
    assert "\0" not in robots.text and robots.text.encode().decode() == robots.text


def test_500_kib_are_read_and_a_line_cut_at_the_limit_is_left_out() -> None:
    head = b"User-agent: bot\n"
    early = head + b"#" * (500 * 1024 - len(head) - 20) + b"\nDisallow: /late\n"
    assert refused(rules(early + b"#" * MAX_BYTES), "/late") == ["/late"]
    last = b"\nDisallow: /private-not/"
    for kept in range(1, len(last)):  # the limit falls at each place of the last line
        body = head + b"#" * (MAX_BYTES - len(head) - kept) + last
        for brought in (body, body[:MAX_BYTES]):  # whole, or cut by whoever read it
            assert refused(rules(brought), "/private", "/", "/private-not/") == []


# Which rule decides ----------------------------------------------------------------------------------


def test_the_longest_match_decides_in_any_order() -> None:
    lines = ["Allow: /p/open", "Disallow: /p", "Allow: /p/open/x/y", "Disallow: /p/open/x"]
    for robots in (for_all(*lines), for_all(*reversed(lines))):
        assert refused(robots, "/", "/p", "/p/open", "/p/open/x", "/p/open/x/y") == ["/p", "/p/open/x"]


@pytest.mark.parametrize("pattern", ["/same", "/sa*e", "/same$", "*"])
def test_allow_wins_a_tie(pattern: str) -> None:
    for first, second in (("Allow", "Disallow"), ("Disallow", "Allow")):
        assert refused(for_all(f"{first}: {pattern}", f"{second}: {pattern}"), "/same") == []


def test_a_pattern_with_a_star_weighs_what_it_is_long() -> None:
    assert refused(for_all("Disallow: /*/secret", "Allow: /a/"), "/a/secret", "/a/") == ["/a/secret"]
    assert refused(for_all("Disallow: /*.gif", "Allow: /images/"), "/images/a.gif", "/a.gif") == ["/a.gif"]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("/fish", ["/fish", "/fish.html", "/fish/a", "/fish?id=1"], ["/Fish", "/catfish", "/?fish"]),
        ("/fish/", ["/fish/", "/fish/?id"], ["/fish", "/fish.html"]),
        ("/*.php", ["/a.php", "/d/a.php?x", "/a.php/", "/.php"], ["/", "/a.PHP"]),
        ("/*.php$", ["/a.php", "/d/b.php", "/.php.php"], ["/a.php?x", "/a.php/", "/a.php5"]),
        ("/fish*.php", ["/fish.php", "/fishes/and.php?x"], ["/Fish.php", "/fis.php"]),
        ("/a$", ["/a"], ["/", "/ab", "/a?", "/a$"]),
        ("/a$b", ["/a$b", "/a%24bc"], ["/a", "/ab"]),
        ("/a%24", ["/a$", "/a%24"], ["/a"]),
        ("/a%2Ab", ["/a*b", "/a%2ab"], ["/axb", "/ab"]),
        ("*/x", ["/x", "/a/x"], ["/ax"]),
        ("*", ["/", "/a"], []),
        ("/a***b$", ["/ab", "/axb"], ["/abx", "/a"]),
        ("/a*$", ["/a", "/abc"], ["/", "/b"]),
        ("/ab*bc$", ["/abbc", "/abxbc"], ["/abc"]),
        ("/?q=", ["/?q=1"], ["/x?q=1"]),
        ("fish", [], ["/fish", "/"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    assert refused(for_all(f"Disallow: {pattern}"), *yes, *no) == yes


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/a~b", "/a%7Eb"),
        ("/%61%2db", "/a-b"),
        ("/ツ", "/%E3%83%84"),
        ("/%e3%83%84", "/ツ"),
        ("/a b", "/a%20b"),
        ("/q?x='1'", "/q?x=%271%27"),
        ("/a%2fb", "/a%2Fb"),
        ('/a"<b>|', "/a%22%3Cb%3E%7C"),
    ],
)
def test_spellings_of_one_path_are_equal(pattern: str, path: str) -> None:
    assert refused(for_all(f"Disallow: {pattern}"), path) == [path]
    assert refused(for_all(f"Disallow: {path}"), pattern) == [pattern]


@pytest.mark.parametrize(
    ("pattern", "path"), [("/a%2Fb", "/a/b"), ("/a/b", "/a%2Fb"), ("/a%3Fb", "/a?b"), ("/a", "/A")]
)
def test_a_reserved_character_s_escape_is_another_path(pattern: str, path: str) -> None:
    assert refused(for_all(f"Disallow: {pattern}"), path) == []


def test_robots_txt_itself_is_always_allowed() -> None:
    assert refused(for_all("Disallow: /"), "/robots.txt", "/robots.txt.html", "/a/robots.txt") == [
        "/robots.txt.html",
        "/a/robots.txt",
    ]


@pytest.mark.parametrize("url", ["http://h.x", "http://h.x?a=/b", "http://h.x#/b", "//h.x/", "/", ""])
def test_a_url_without_a_path_is_the_root(url: str) -> None:
    assert not for_all("Disallow: /").allows(url, "bot")
    assert for_all("Disallow: /b", "Disallow: /h", "Disallow: //").allows(url, "bot")


# What explains, and what else the file says ----------------------------------------------------------


def test_the_deciding_line_is_named_with_its_number() -> None:
    robots = rules("# mind\r\nUser-agent: bot\r\n  Disallow: /p  # private\rAllow: /p/open\n\nDisallow: /*.gif$\n")
    assert robots.line_for(f"{_HERE}/p/1", "bot") == "line 3: Disallow: /p  # private"
    assert robots.line_for(f"{_HERE}/p/open", "bot") == "line 4: Allow: /p/open"
    assert robots.line_for(f"{_HERE}/a.gif", "bot") == "line 6: Disallow: /*.gif$"
    assert robots.line_for(f"{_HERE}/free", "bot") is None
    assert robots.line_for(f"{_HERE}/p/1", "other") is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("10", 10.0), ("0.5", 0.5), (".25", 0.25), ("2.", 2.0), ("3 # slowly", 3.0), ("0", 0.0), ("007", 7.0)]
    + [(garbage, 0.0) for garbage in ("", "-1", "inf", "nan", "1e3", "1_0", "5s", "1,5", "٣", "ten", "9" * 400)],
)
def test_a_crawl_delay_is_a_plain_number_of_seconds(value: str, seconds: float) -> None:
    assert for_all(f"Crawl-delay: {value}").crawl_delay("bot") == seconds


def test_a_crawl_delay_is_our_group_s_and_the_longest_of_several() -> None:
    robots = rules(
        "User-agent: bot\nCrawl-delay: 2\nDisallow: /x\nCrawl-delay: 1\n\nUser-agent: *\nCrawl-delay: 9\nAllow: /"
    )
    assert (robots.crawl_delay("BOT"), robots.crawl_delay("other")) == (2.0, 9.0)


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("User-agent: bot\nCrawl-delay: 5\nUser-agent: other\nCrawl-delay: 10\nDisallow: /x", (5.0, 10.0)),
        ("User-agent: bot\nCrawl-delay: 5\nUser-agent: other\nDisallow: /x", (5.0, 0.0)),
        ("User-agent: bot\nUser-agent: other\nCrawl-delay: 5\nDisallow: /x", (5.0, 5.0)),
        (
            "User-agent: *\nCrawl-delay: 7\nUser-agent: bot\nCrawl-delay: 1\nUser-agent: x\nCrawl-delay: 30",
            (1.0, 7.0),
        ),
        ("User-agent: bot\nDisallow: /x\nCrawl-delay: 3\nUser-agent: other\nCrawl-delay: 4", (3.0, 4.0)),
    ],
)
def test_the_delays_of_groups_are_each_their_own(text: str, delays: tuple[float, float]) -> None:
    robots = rules(text)
    assert (robots.crawl_delay("bot"), robots.crawl_delay("other")) == delays


def test_a_delay_between_two_names_parts_no_rules() -> None:
    robots = rules("User-agent: bot\nCrawl-delay: 5\nUser-agent: other\nDisallow: /x")
    assert not robots.allows(f"{_HERE}/x", "bot")
    assert not robots.allows(f"{_HERE}/x", "other")


def test_sitemaps_are_absolute_urls_wherever_they_stand() -> None:
    robots = rules(
        "Sitemap: HTTPS://Example.com/a.xml\nUser-agent: x\nDisallow: /\nsitemap:http://other.org/b.xml # b\n"
        "Sitemap: /relative.xml\nSitemap: more/b.xml\nSitemap: //cdn.org/c.xml\n"
        "Sitemap: ftp://example.com/c.xml\nSitemap:\nSitemap: https://example.com/a.xml\n"
    )
    assert robots.sitemaps("http://shop.org:81") == [
        "https://example.com/a.xml",
        "http://other.org/b.xml",
        "http://shop.org:81/relative.xml",
        "http://shop.org:81/more/b.xml",
        "http://cdn.org/c.xml",
    ]


# What a file cannot do -------------------------------------------------------------------------------


@given(st.text(max_size=300) | st.binary(max_size=300), st.text(max_size=80), st.text(max_size=20))
def test_no_text_url_or_name_makes_it_raise(text: str | bytes, url: str, name: str) -> None:
    robots = Robots(RobotsState.RULES, text) if isinstance(text, str) else rules(text)
    token = product_token(name)
    assert robots.allows(url, token) in (True, False)
    assert robots.crawl_delay(token) >= 0.0
    assert all(sitemap.startswith(("http://", "https://")) for sitemap in robots.sitemaps(_HERE))
    line = robots.line_for(url, token)
    assert line is None or line.startswith("line ")


@given(
    st.lists(st.tuples(st.booleans(), st.text("ab/*$", min_size=1, max_size=8)), max_size=8),
    st.text("ab/", max_size=10),
)
def test_it_decides_as_a_slow_and_plain_reading_of_the_rules_does(lines: list[tuple[bool, str]], path: str) -> None:
    def matches(pattern: str) -> bool:
        plain = re.escape(pattern.removesuffix("$")).replace(r"\*", ".*")
        return re.match(plain + (r"\Z" if pattern.endswith("$") else ""), f"/{path}") is not None

    def weight(pattern: str) -> int:  # doubled stars are one, a literal `$` is its escape %24
        inner = pattern.removesuffix("$")
        return len(re.sub(r"\*+", "*", inner).replace("$", "%24")) + len(pattern) - len(inner)

    found = [(weight(pattern), allows) for allows, pattern in lines if matches(pattern)]
    robots = for_all(*(f"{'Allow' if allows else 'Disallow'}: {pattern}" for allows, pattern in lines))
    assert robots.allows(f"{_HERE}/{path}", "bot") is (max(found)[1] if found else True)


_LONG = f"{_HERE}/{'a' * 2000}"


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: *\n" + "".join(f"Disallow:/{n:x}\n" for n in range(30_000)),
        "".join(f"User-agent:{n:x}\nDisallow:/\n" for n in range(100_000)),
        "".join(f"User-agent:{n:x}\n" for n in range(15_000)) + "".join(f"Disallow:/{n:x}\n" for n in range(15_000)),
        "User-agent: *\n" + "".join(f"Disallow:/{'a' * n}b\n" for n in range(1_000)),
        "User-agent: *\nDisallow:/" + "*a" * 10_000 + "b",
        "User-agent: *\nDisallow:/" + "*" * 500_000 + "b",
        "User-agent: *\nDisallow:/" + "%61" * 160_000,
        "User-agent:" + "a " * 250_000,
        "\r" * 500_000,
    ],
    ids=["rules", "groups", "agents", "lengths", "stars", "one star", "escapes", "names", "nothing"],
)
def test_a_hostile_file_costs_no_time(text: str) -> None:
    robots = Robots(RobotsState.RULES, text)
    assert _fastest(1, lambda: robots.allows(_LONG, "f00")) < 1.0
    assert _fastest(5, lambda: robots.allows(_LONG, "f00")) < 0.005
    assert _fastest(5, lambda: robots.allows(f"{_HERE}/{'a' * 20_000}", "f00")) < 0.005


def _fastest(times: int, act: Callable[[], object]) -> float:
    """Seconds of CPU that the fastest of so many runs took."""
    seconds = []
    for _ in range(times):
        began = time.process_time()
        act()
        seconds.append(time.process_time() - began)
    return min(seconds)
