"""The types of value that a key accepts: what is valid, the error otherwise, and the JSON Schema."""
