"""From YAML to frozen values."""

from scraper.config.exports import ExportConfig
from scraper.config.items import ItemConfig
from scraper.config.load import Loaded, load
from scraper.config.login import LoggedOut, LoginConfig
from scraper.config.rules import FieldConfig, MatchConfig, RuleConfig, SelectorConfig
from scraper.config.schema import json_schema
from scraper.config.show import Line, effective, effective_text, masked
from scraper.config.tree import Origin, Source
from scraper.config.values import (
    DomainSettings,
    EngineConfig,
    Gate,
    Limits,
    NetworkConfig,
    OnFailure,
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
    "FieldConfig",
    "Gate",
    "ItemConfig",
    "Limits",
    "Line",
    "Loaded",
    "LoggedOut",
    "LoginConfig",
    "MatchConfig",
    "NetworkConfig",
    "OnFailure",
    "Origin",
    "OriginConfig",
    "PathRule",
    "Politeness",
    "RetryConfig",
    "RuleConfig",
    "Schedule",
    "Scope",
    "SelectorConfig",
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
