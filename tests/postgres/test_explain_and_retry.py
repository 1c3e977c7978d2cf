"""A store in PostgreSQL: a URL's history, and failures put back."""

from tests.unit.store import test_explain_and_retry as suite

globals().update({name: value for name, value in vars(suite).items() if not name.startswith("__")})
