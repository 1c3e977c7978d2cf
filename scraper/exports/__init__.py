"""Files that follow the items of the store."""
