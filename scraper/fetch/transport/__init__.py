"""What carries bytes: connections, pools, the ledger, deadlines and the address guard."""
