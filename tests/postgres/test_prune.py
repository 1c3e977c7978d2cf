"""A store in PostgreSQL: runs that are no longer kept."""

from tests.unit.store import test_prune as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
