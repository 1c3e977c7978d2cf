"""The kinds of request, one module each, and the work that belongs to them."""
