"""When crawls run again: the times, what is done at each of them, and the daemon that does it."""
