"""Checks that involve more than one key."""
