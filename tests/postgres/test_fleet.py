"""A store in PostgreSQL: several workers on one run."""

from tests.unit.store import test_fleet as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
