"""The ready-made item pipelines, under the name that YAML files use: `scraper.pipes:Files`."""

from __future__ import annotations

from scraper.items import DUPLICATE
from scraper.pipelines.files import Files, Images
from scraper.pipelines.unique import Unique

__all__ = ["DUPLICATE", "Files", "Images", "Unique"]
