"""From YAML to frozen values."""

from typing import TYPE_CHECKING

from scraper.config.load import Loaded, load
from scraper.config.model.domain import DomainSettings, Politeness, RetryConfig, SessionConfig, TimeoutConfig
from scraper.config.model.exports import ExportConfig
from scraper.config.model.run import EngineConfig, Gate, Limits
from scraper.config.model.scope import PathRule, Scope, UrlConfig
from scraper.config.model.site import NetworkConfig, OriginConfig, SiteConfig
from scraper.config.show import Line, effective, effective_text, masked
from scraper.config.yaml.tree import Origin, Provenance
from scraper.lazy_names import lazy_names

if TYPE_CHECKING:
    from scraper.config.model.items import ItemConfig
    from scraper.config.model.login import LoggedOut, LoginConfig
    from scraper.config.model.rules import FieldConfig, MatchConfig, RuleConfig
    from scraper.config.model.schedule import OnFailure, Schedule
    from scraper.config.model.selecting import FollowConfig, SelectorConfig
    from scraper.config.schema import json_schema

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

#: Where the names are that few crawls need; each is imported when it is first used.
_HOMES = {
    "ItemConfig": "scraper.config.model.items",
    "LoggedOut": "scraper.config.model.login",
    "LoginConfig": "scraper.config.model.login",
    "FieldConfig": "scraper.config.model.rules",
    "MatchConfig": "scraper.config.model.rules",
    "RuleConfig": "scraper.config.model.rules",
    "OnFailure": "scraper.config.model.schedule",
    "Schedule": "scraper.config.model.schedule",
    "FollowConfig": "scraper.config.model.selecting",
    "SelectorConfig": "scraper.config.model.selecting",
    "json_schema": "scraper.config.schema",
}
__getattr__ = lazy_names(__name__, _HOMES)
