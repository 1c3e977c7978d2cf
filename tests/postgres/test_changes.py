"""A store in PostgreSQL: what changed from one run to another."""

from tests.unit.store import test_changes as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
