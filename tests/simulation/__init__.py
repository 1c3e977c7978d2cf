"""A fleet in virtual time: the real direction, claims, throttle, commits and store, without sockets and threads.

`python -m tests.simulation --seeds 0-200` runs a seed for each number; a seed that fails does so again, exactly.
"""
