from __future__ import annotations

import pickle

import pytest

from scraper import errors
from scraper.errors import (
    BadRequest,
    BodyTooLarge,
    ConfigError,
    DropItem,
    FetchError,
    NotJson,
    Problem,
    Retry,
    ScraperError,
    StoreLocked,
    UsageError,
)
from scraper.request import Request


def test_an_error_says_what_happened_and_what_to_do() -> None:
    assert str(ScraperError("it broke", remedy="mend it")) == "it broke (mend it)"
    assert str(ScraperError("it broke")) == "it broke"


@pytest.mark.parametrize(
    "error",
    [
        ScraperError("m", remedy="r", request=Request("http://example.com/", meta={"a": 1})),
        FetchError("m", reason="dns", remedy="r"),
        BodyTooLarge("m"),
        ConfigError([Problem("a.yaml", 3, 4, "limits.pages", "expected a count")]),
        StoreLocked("a.db", 7),
        BadRequest("m", remedy="r"),
        NotJson("m", remedy="r"),
        Retry("m", wait=2.5),
        DropItem("sold out"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: ScraperError) -> None:
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - what we pickled ourselves
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.args == error.args
    state, expected = dict(vars(back)), dict(vars(error))
    request, original = state.pop("request"), expected.pop("request")
    assert state == expected
    assert (request and request.to_record()) == (original and original.to_record())


def test_every_error_of_the_module_has_the_one_root() -> None:
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(found) > 15
    assert all(issubclass(kind, ScraperError) for kind in found)


def test_wrong_usage_exits_with_2_and_the_rest_with_1() -> None:
    assert (UsageError.exit_code, ConfigError([]).exit_code, ScraperError.exit_code) == (2, 2, 1)


def test_a_problem_names_its_place() -> None:
    assert (
        str(Problem("a.yaml", 3, 4, "limits.pages", "expected a count"))
        == "a.yaml:3:4: limits.pages: expected a count"
    )
    assert str(Problem("--set", None, None, "limits.pages", "no")) == "--set: limits.pages: no"
    assert str(Problem("a.yaml", 1, 1, "", "is empty")) == "a.yaml:1:1: is empty"


def test_a_reason_belongs_to_the_kind_of_error_unless_one_is_given() -> None:
    assert BodyTooLarge("m").reason == "body-too-large"
    assert FetchError("m").reason == "network"
    assert FetchError("m", reason="dns").reason == "dns"


def test_a_bad_request_is_also_a_value_error() -> None:
    with pytest.raises(ValueError, match="not an absolute"):
        Request("nowhere")
