"""Who is told when something happened in a run."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from scraper.config.model.frozen import Frozen, TextOr
from scraper.config.types import addresses, kinds, notices
from scraper.config.types.kinds import wrong


def _events(value: Any) -> Any:
    found = [value] if isinstance(value, str) else value
    if isinstance(found, list | tuple) and not found:
        raise wrong("at least one of them", remedy=f"leave the key out for {', '.join(notices.USUAL)}")
    return found


class NotifyConfig(Frozen):
    """One that is told, and of what."""

    on: Annotated[
        tuple[Annotated[str, BeforeValidator(kinds.choice(*notices.EVENTS))], ...],
        BeforeValidator(_events),
        TextOr("One of them."),
    ] = Field(
        notices.USUAL,
        description="Of what: failed, outside-gate, field-died, changed (new items too), gone, recovered.",
    )
    to: addresses.NotifyUrl = Field(
        description="A webhook, https://…, that gets the message as JSON; or an address of apprise, such as "
        "mailto://, slack://, tgram://, ntfy://, with the extra scraper[notify]. It is a secret."
    )
    template: Annotated[str | None, BeforeValidator(kinds.optional(notices.template))] = Field(
        None, description="The message in words of your own: {name}, {run}, {result}, {why}, {numbers}, …."
    )
