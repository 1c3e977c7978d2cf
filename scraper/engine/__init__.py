"""The engine: shards that take, fetch, parse and commit."""
