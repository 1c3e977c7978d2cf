"""The command `scraper`: a thin file a family of verbs; what they do is in the rooms that they call."""

from scraper.cli.app import main

__all__ = ["main"]
