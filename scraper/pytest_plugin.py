"""The pytest plugin under its first name, which `pytest.ini` and `conftest.py` of existing projects use."""

from scraper.testing.plugin import pytest_addoption, pytest_collect_file

__all__ = ["pytest_addoption", "pytest_collect_file"]
