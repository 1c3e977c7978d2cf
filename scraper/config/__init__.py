"""From YAML to frozen values."""

from scraper.config.load import Loaded, load
from scraper.config.schema import json_schema
from scraper.config.show import Line, effective, effective_text, masked
from scraper.config.tree import Origin, Source
from scraper.config.values import (
    DomainSettings,
    EngineConfig,
    ExportConfig,
    Gate,
    ItemConfig,
    Limits,
    NetworkConfig,
    OriginConfig,
    PathRule,
    Politeness,
    RetryConfig,
    Schedule,
    Scope,
    SessionConfig,
    SiteConfig,
    TimeoutConfig,
    UrlConfig,
)

__all__ = [
    "DomainSettings",
    "EngineConfig",
    "ExportConfig",
    "Gate",
    "ItemConfig",
    "Limits",
    "Line",
    "Loaded",
    "NetworkConfig",
    "Origin",
    "OriginConfig",
    "PathRule",
    "Politeness",
    "RetryConfig",
    "Schedule",
    "Scope",
    "SessionConfig",
    "SiteConfig",
    "Source",
    "TimeoutConfig",
    "UrlConfig",
    "effective",
    "effective_text",
    "json_schema",
    "load",
    "masked",
]
