"""Proofs that take minutes; each has a make target of its own."""
