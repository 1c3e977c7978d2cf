"""Rules declared in YAML: which pages they match, their fields, and the spider that runs them."""
