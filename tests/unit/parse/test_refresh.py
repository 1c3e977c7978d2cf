"""What meta refresh and the header Refresh say, as browsers read it (HTML Standard, 4.2.5.3)."""

from __future__ import annotations

import pytest

from scraper.parse.refresh import may_refresh, meta_refresh, refresh_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0; url=/there", "/there"),
        ("5;URL=https://a.example/b;c", "https://a.example/b;c"),
        ("0;url='/a b'", "/a b"),
        ('0; url="/x" ignored', "/x"),
        ("0, url=/x", "/x"),
        ("0 url=/x", "/x"),
        ("0;/x", "/x"),
        ("  3.7 ;  Url = /x ", "/x"),
        (".5; url=/x", "/x"),
        ("30; url=/x", "/x"),
        ("31; url=/x", None),
        ("99999999999999; url=/x", None),
        ("5", None),
        ("0; url=", None),
        ("", None),
        ("url=/x", None),
        ("-1; url=/x", None),
        ("soon; url=/x", None),
    ],
)
def test_what_a_refresh_names(text: str, place: str | None) -> None:
    assert refresh_place(text) == place


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ('<meta http-equiv="refresh" content="0; url=/x">', "/x"),
        ("<META content='1;url=/x' HTTP-EQUIV=Refresh>", "/x"),
        ("<html><body><p>x<meta http-equiv=REFRESH content='0;url=/x'>", "/x"),
        ("<noscript><meta http-equiv=refresh content='0;url=/x'></noscript>", None),
        ("<!-- <meta http-equiv=refresh content='0;url=/x'> -->", None),
        ("<script>'<meta http-equiv=refresh content=\"0;url=/x\">'</script>", None),
        ("<template><meta http-equiv=refresh content='0;url=/x'></template>", None),
        ("<meta http-equiv=refresh content=600>", None),
        ("<meta name=refresh content='0;url=/x'>", None),
        ("<p>Refresh</p>", None),
    ],
)
def test_where_a_page_may_say_it(page: str, place: str | None) -> None:
    assert (meta_refresh(page) if may_refresh(page.encode()) else None) == place
