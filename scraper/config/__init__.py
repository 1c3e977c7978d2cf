"""From YAML to frozen values."""

from scraper.config.load import Loaded, load
from scraper.config.model.exports import ExportConfig
from scraper.config.model.items import ItemConfig
from scraper.config.model.login import LoggedOut, LoginConfig
from scraper.config.model.rules import FieldConfig, FollowConfig, MatchConfig, RuleConfig, SelectorConfig
from scraper.config.model.site import (
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
from scraper.config.schema import json_schema
from scraper.config.show import Line, effective, effective_text, masked
from scraper.config.yaml.tree import Origin, Provenance

__all__ = [
    "DomainSettings",
    "EngineConfig",
    "ExportConfig",
    "FieldConfig",
    "FollowConfig",
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
    "Provenance",
    "RetryConfig",
    "RuleConfig",
    "Schedule",
    "Scope",
    "SelectorConfig",
    "SessionConfig",
    "SiteConfig",
    "TimeoutConfig",
    "UrlConfig",
    "effective",
    "effective_text",
    "json_schema",
    "load",
    "masked",
]
