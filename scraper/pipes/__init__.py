"""Ready-made item pipelines."""

from __future__ import annotations

from scraper.pipes.files import Files, Images
from scraper.pipes.unique import DUPLICATE, Unique

__all__ = ["DUPLICATE", "Files", "Images", "Unique"]
