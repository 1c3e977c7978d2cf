"""Connections, transactions, locks and prepared statements of the database."""
