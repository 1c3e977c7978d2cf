"""A store in PostgreSQL: items that are left out."""

from tests.unit.store import test_left_out as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
