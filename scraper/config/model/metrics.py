"""Where a crawl's figures are read by Prometheus."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds, texts
from scraper.config.yaml.scalars import typed


class MetricsConfig(Frozen):
    """Figures for Prometheus, while the crawl is at work or in a file that stays."""

    port: Annotated[int | None, BeforeValidator(kinds.optional(kinds.whole(1, 65_535)))] = Field(
        None, description="A port on which Prometheus asks for them while the crawl is at work."
    )
    host: kinds.Text = Field("127.0.0.1", description="The address on which that port listens; 0.0.0.0 is all.")
    file: texts.MetricsPath = Field(
        None,
        description="A file that ends in .prom, for node_exporter's textfile collector: written each 15 s and at the "
        "end, so that it tells of crawls that end before anybody asks; {name} in it is filled in.",
    )

    @model_validator(mode="before")
    @classmethod
    def _somewhere(cls, value: Any) -> Any:
        if isinstance(value, dict) and set(value) <= {"port", "host", "file"}:
            if all(typed(value.get(key)) is None for key in ("port", "file")):
                raise kinds.wrong("port, file, or both", remedy="add port: 9464, or file: metrics/{name}.prom")
            if "host" in value and typed(value.get("port")) is None:
                raise kinds.wrong("host only beside port", remedy="add port: 9464", at="host")
        return value
