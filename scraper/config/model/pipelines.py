"""The values of the key `pipelines`: functions and classes through which items go, and what they are given."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds, texts
from scraper.config.types.kinds import (
    Limit,
    OptionalBytes,
    OptionalSeconds,
    OptionalText,
    Text,
    optional,
    text,
    wrong,
)
from scraper.config.yaml.scalars import typed
from scraper.lazy_pattern import lazy_pattern

FILES = "scraper.pipes:Files"
IMAGES = "scraper.pipes:Images"
#: What these two are given, and no other.
OF_FILES = ("field", "into", "item", "folder", "max_bytes", "types", "fresh_for", "timeout")
OF_IMAGES = ("min_width", "min_height")

_MEDIA_TYPE = lazy_pattern(r"[a-z0-9][a-z0-9!#$&^_.+\-]*/(?:\*|[a-z0-9][a-z0-9!#$&^_.+\-]*)")


def _media_type(value: Any) -> str:
    found = text(value).lower()
    if not _MEDIA_TYPE.fullmatch(found):
        raise wrong("a media type such as application/pdf or image/*")
    return found


def _folder(value: Any) -> str:
    found = text(value)
    if texts.SCHEME.match(found):
        return _address(found)
    found = texts.expanded(found)
    pure = PurePath(found)
    if not found.strip() or "\0" in found or ".." in pure.parts or not pure.name:
        raise wrong("the path of a folder", remedy="write one such as out/files")
    return pure.as_posix()


def _address(found: str) -> str:
    scheme, _, rest = found.partition("://")
    if not rest.strip("/") or ".." in rest.split("/") or scheme.lower() in ("http", "https"):
        raise wrong("the address of a folder", remedy="write one such as s3://bucket/papers, or a path")
    if "@" in rest.partition("/")[0]:
        # The records of all files, which exports have, begin with it.
        raise wrong("an address without a user or password", remedy="let the environment hold them")
    return found.rstrip("/")


Freshness = Annotated[
    float | None,
    BeforeValidator(optional(kinds.duration(zero=True))),
    WithJsonSchema({**kinds.DURATION_SCHEMA, "type": ["number", "string", "null"]}),
    kinds.DURATION,
]
MediaType = Annotated[str, BeforeValidator(_media_type)]
Folder = Annotated[
    str | None, BeforeValidator(optional(_folder)), WithJsonSchema({"type": ["string", "null"], "minLength": 1})
]


class PipelineConfig(Frozen):
    """One pipeline, and what it is given."""

    is_sparse = True

    use: texts.PipelineReference = Field(
        description="module:function or file.py:function, or a class with a method process."
    )
    args: dict[Text, kinds.Anything] = Field(
        default_factory=dict, description="Keyword arguments with which a class is made."
    )
    field: OptionalText = Field(
        None, description=f"{FILES} and Images: the field of an item that holds a URL, or a list of them."
    )
    into: OptionalText = Field(
        None, description="The field that says what became of them; by default `files`, of Images `images`."
    )
    item: OptionalText = Field(None, description="The type of item that is meant; by default every one.")
    folder: Folder = Field(
        None,
        description="Where the files are put, a path or an address; by default out/files, of Images out/images.",
    )
    max_bytes: OptionalBytes = Field(None, description="The largest file; by default 100MB.")
    types: tuple[MediaType, ...] | None = Field(
        None, description="The media types that are kept, such as application/pdf; by default all, of Images image/*."
    )
    fresh_for: Freshness = Field(
        None,
        description="A file that was fetched or confirmed so recently is not fetched again; by default 90d, 0 asks.",
    )
    timeout: OptionalSeconds = Field(
        None, description="For one try at a file, in the place of session.timeout.total; by default 10m."
    )
    min_width: Limit = Field(None, description="Images: the least width in pixels; needs the extra `images`.")
    min_height: Limit = Field(None, description="Images: the least height in pixels; needs the extra `images`.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"use": value}
        if not isinstance(value, Mapping | BaseModel):
            raise wrong("module:function, or a mapping such as {use: scraper.pipes:Files, field: pdf}")
        if isinstance(value, Mapping):
            _check_fit(value)
        return value

    def written(self) -> Any:
        return None if self.keywords else self.use

    @property
    def keywords(self) -> dict[str, Any]:
        """Return what the class is made with."""
        given = {name: getattr(self, name) for name in (*OF_FILES, *OF_IMAGES)}
        return {**self.args, **{name: value for name, value in given.items() if value is not None}}


def _check_fit(entry: Mapping[Any, Any]) -> None:
    """Raises what `wrong` makes where what is given is not for the pipeline that is named."""
    use = entry.get("use")
    if not isinstance(use, str):
        return
    known = (*OF_FILES, *OF_IMAGES) if use == IMAGES else OF_FILES if use == FILES else ()
    if known and typed(entry.get("field")) is None:
        raise wrong(
            "the field that holds the URLs", remedy="add field: pdf_url, the name of an item's field", at="use"
        )
    for name in (*OF_FILES, *OF_IMAGES):
        if name in entry and name not in known:
            whose = IMAGES if name in OF_IMAGES else f"{FILES} and Images"
            raise wrong(f"no {name}, which is for {whose}", remedy="leave it out, or put it into args", at=name)
    if known and entry.get("args"):
        raise wrong("no args", remedy="write them beside use", at="args")
