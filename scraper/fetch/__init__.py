"""Sessions, connections and their ledger; politeness, retry, robots, the address guard."""
