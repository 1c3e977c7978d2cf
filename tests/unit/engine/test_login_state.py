"""What pages do to the belief that a session is logged in."""

from __future__ import annotations

import pytest

from scraper.config import LoginConfig
from scraper.engine.frontier.login_state import LoginState, Stage, Verdict, is_mark_of, mark_of

CONFIG = LoginConfig.model_validate({"url": "https://example.com/login", "form": {"user": "ada", "password": "x"}})
MARK = mark_of(CONFIG, "salt")


@pytest.fixture
def state() -> LoginState:
    """Logged in, and nothing seen since."""
    state = LoginState(CONFIG, "")
    state.done()
    return state


def proven(state: LoginState) -> LoginState:
    state.looks_well(0, state.generation)
    return state


def sees(state: LoginState, *pages: int) -> list[str]:
    """What is said of pages, of now, that look logged out."""
    return [state.looks_logged_out(page, state.generation).value for page in pages]


class TestBegins:
    def test_logged_out_where_nothing_is_known(self):
        assert (LoginState(CONFIG, "").stage, LoginState(CONFIG, "").mark) == (Stage.OUT, "")

    def test_logged_in_by_the_mark_of_the_same_login(self):
        state = LoginState(CONFIG, MARK)
        assert (state.stage, state.mark) == (Stage.IN, MARK)
        assert sees(state, 1) == ["ended"]

    @pytest.mark.parametrize(
        "change", [{"url": "https://example.com/in"}, {"form": {"user": "eve", "password": "x"}}]
    )
    def test_logged_out_by_that_of_another(self, change: dict[str, object]):
        other = CONFIG.model_copy(update=change)
        assert not is_mark_of(MARK, other)
        assert (LoginState(other, MARK).stage, LoginState(other, MARK).mark) == (Stage.OUT, "")

    def test_a_mark_says_nothing_of_the_password(self):
        assert mark_of(CONFIG) != mark_of(CONFIG)
        assert "ada" not in MARK and is_mark_of(MARK, CONFIG)


class TestLogsInAgain:
    def test_once_for_all_that_was_in_flight(self, state: LoginState):
        proven(state)
        before = state.generation
        assert state.looks_logged_out(1, before) is Verdict.ENDED
        assert (state.stage, state.mark) == (Stage.OUT, "")
        assert state.looks_logged_out(2, before) is Verdict.AGAIN
        state.done()
        assert state.looks_logged_out(3, before) is Verdict.AGAIN
        assert state.stage is Stage.IN

    def test_as_often_as_it_helps(self, state: LoginState):
        for _ in range(100):
            proven(state)
            assert sees(state, 1) == ["ended"]
            state.done()
            state.looks_well(1, state.generation)
        assert state.generation == 101

    def test_not_for_a_page_that_is_closed_to_this_user(self, state: LoginState):
        assert sees(proven(state), 1) == ["ended"]
        state.done()
        assert sees(state, 1) == ["fail"]
        assert state.stage is Stage.IN

    def test_after_false_alarms_only_for_several_pages_in_a_row(self, state: LoginState):
        for page in range(1, 4):
            assert sees(proven(state), page) == ["ended"]
            state.done()
            assert sees(state, page) == ["fail"]
        assert sees(proven(state), *range(10, 18)) == ["again"] * 7 + ["ended"]
        state.done()
        assert sees(proven(state), 20) == ["again"]


class TestGivesUp:
    def test_three_pages_right_after_the_first_login(self, state: LoginState):
        assert sees(state, 1, 2, 3) == ["again", "again", "give-up"]

    def test_more_where_a_login_helped_before(self, state: LoginState):
        sees(proven(state), 1)
        state.done()
        assert sees(state, *range(2, 12)) == ["again"] * 9 + ["give-up"]

    def test_nothing_is_believed_after_that(self, state: LoginState):
        state.failed("why")
        assert (sees(state, 1), state.stage, state.mark) == (["fail"], Stage.FAILED, "")

    def test_a_page_that_looks_well_in_between(self, state: LoginState):
        assert sees(state, 1, 2) == ["again", "again"]
        assert sees(proven(state), 3) == ["ended"]
