"""A store in PostgreSQL: who works on a run."""

from tests.unit.store import test_status as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
