"""Item pipelines: running them, checking items against models, and the ready-made ones."""
