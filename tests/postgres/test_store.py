"""A store in PostgreSQL: what one commit writes, and who may commit."""

from tests.unit.store import test_store as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
