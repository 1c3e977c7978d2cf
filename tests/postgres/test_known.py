"""A store in PostgreSQL: what is known already."""

from tests.unit.store import test_known as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
