"""Distribute domains over shards, in one process or many, and decide when a run ends."""
