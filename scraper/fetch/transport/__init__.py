"""Carry bytes: connections, pools, the ledger, deadlines and the address guard."""
