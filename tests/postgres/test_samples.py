"""A store in PostgreSQL: samples of a run."""

from tests.unit.store import test_samples as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
