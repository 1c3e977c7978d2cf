"""From bytes to text, from text to a tree, from a tree to links."""
