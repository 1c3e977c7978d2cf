"""Decide which request is sent next: domains, throttle, leases, admission."""
