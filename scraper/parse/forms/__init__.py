"""HTML forms: find one, fill it in, build the request that submits it."""
