"""A store in PostgreSQL: how a run went."""

from tests.unit.store import test_timeline as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
