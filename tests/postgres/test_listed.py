"""A store in PostgreSQL: what sitemaps list."""

from tests.unit.store import test_listed as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
