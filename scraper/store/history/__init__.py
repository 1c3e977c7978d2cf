"""Questions about runs: changes, explanations, retries, schedules, pruning."""
