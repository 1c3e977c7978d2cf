"""When the crawl runs again, and who is told of a run that ended badly."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from scraper.config.model.frozen import Frozen, TextOr
from scraper.config.types import addresses, kinds, texts
from scraper.config.types.kinds import SecondsOrZero


class OnFailure(Frozen):
    """The command or URL that is told of a scheduled run that ended badly."""

    command: texts.Command = Field(
        None, description="A command: text for the shell, or a list of its words. The reason comes as JSON on stdin."
    )
    post: addresses.PostUrl = Field(None, description="A URL that the reason is posted to, as JSON.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return texts.on_failure(value)


class Schedule(Frozen):
    """When the crawl runs again."""

    cron: texts.Cron = Field(None, description="Minute, hour, day, month, weekday.")
    every: kinds.OptionalSeconds = Field(
        None, description="Instead of cron: 6h, counted from when the schedule was first seen."
    )
    timezone: texts.Timezone = Field("UTC", description="The time zone that cron means.")
    jitter: SecondsOrZero = Field(
        0.0, description="Starts each run up to this much later, by a share that name and time decide; 0 for none."
    )
    overlap: texts.Overlap = Field(
        "skip", description="When a crawl is still at work: skip the run, or queue it (one run waits at most)."
    )
    catch_up: texts.CatchUp = Field(
        "none", description="After times that were missed: none, or once, one run for all of them."
    )
    on_failure: Annotated[OnFailure | None, TextOr("A command for the shell.")] = Field(
        None, description="A command or {post: URL} that is told when a run ended badly."
    )

    @model_validator(mode="before")
    @classmethod
    def _cron_or_every(cls, value: Any) -> Any:
        return texts.schedule(value)
