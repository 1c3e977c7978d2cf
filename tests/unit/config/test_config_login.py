"""The key `login`: its short forms, what is wrong with it, and that its values are never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper.config import effective_text, load, masked
from scraper.errors import ConfigError

LOGIN: dict[str, Any] = {"url": "https://example.com/login", "form": {"user": "ada", "pass": "s3cret"}}


def loaded(**more: Any) -> Any:
    return load({"spider": "a:B", "start_urls": ["https://example.com/"], "login": {**LOGIN, **more}})


@pytest.mark.parametrize(
    ("written", "signs"),
    [
        (403, [403]),
        ("form#login", ["form#login"]),
        ([401, "a.login", {"redirect": "/session"}], [401, "a.login", {"redirect": "/session"}]),
        ({"selector": ".x"}, [".x"]),
        (None, []),
    ],
)
def test_when(written: Any, signs: list[Any]):
    assert [sign.written() for sign in loaded(when=written).config.login.when] == signs


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"url": "login"}, "login.url: expected an absolute http or https URL"),
        ({"form": {}}, "login.form: expected the fields that are filled in"),
        ({"form": {"pin": 1234}}, "login.form.pin: expected text, got ***: put it in quotes"),
        ({"ok": "a["}, "login.ok: expected a CSS selector"),
        ({"ok": "a::text"}, "login.ok: expected a CSS selector of an element"),
        ({"selector": "form["}, "login.selector: expected a CSS selector such as form#login"),
        ({"when": 12}, "login.when: expected a whole number from 300 to 599, got 12"),
        ({"when": ["a["]}, "login.when[0]: expected a CSS selector"),
        ({"when": {"status": 403, "redirect": "/x"}}, "login.when: expected a CSS selector, a status such as 403"),
        ({"when": {"redirct": "/x"}}, "login.when: expected a CSS selector, a status such as 403"),
        ({"when": {"redirect": "x"}}, "login.when: expected a path such as /account, or a URL"),
        (
            {"when": [{"status": 403, "redirect": "/x"}]},
            "login.when[0]: expected a CSS selector, a status such as 403",
        ),
        ({"when": [{"redirect": "x"}]}, "login.when[0].redirect: expected a path such as /account, or a URL"),
        ({"wen": 403}, "login.wen: unknown key: did you mean login.when?"),
    ],
)
def test_wrong(more: dict[str, Any], says: str):
    with pytest.raises(ConfigError) as error:
        loaded(**more)
    assert says in str(error.value)


def test_what_is_filled_in_is_never_shown(tmp_path: Path):
    path = tmp_path / "site.yaml"
    path.write_text(
        "spider: a:B\nstart_urls: [https://example.com/]\n"
        'login: {url: "https://example.com/login", form: {user: ada, pass: "${PASS}"}, extra: {device: mine1}}\n',
        encoding="utf-8",
    )
    config = load(path, environ={"PASS": "s3cret"})
    assert config.config.login is not None and config.config.login.form == {"user": "ada", "pass": "s3cret"}
    shown = effective_text(config) + repr(masked(config))
    assert "ada" not in shown and "s3cret" not in shown and "mine1" not in shown
    assert masked(config)["login"]["form"] == {"user": "***", "pass": "***"}
