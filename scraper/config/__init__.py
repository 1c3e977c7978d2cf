"""From YAML to frozen values."""

from scraper.config.values import (
    DomainSettings,
    ExportConfig,
    Gate,
    ItemConfig,
    Limits,
    OriginConfig,
    Politeness,
    RetryConfig,
    SessionConfig,
    SiteConfig,
    TimeoutConfig,
)

__all__ = [
    "DomainSettings",
    "ExportConfig",
    "Gate",
    "ItemConfig",
    "Limits",
    "OriginConfig",
    "Politeness",
    "RetryConfig",
    "SessionConfig",
    "SiteConfig",
    "TimeoutConfig",
]
