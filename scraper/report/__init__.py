"""A run for people who look: all of its figures in one place, and a page that shows them."""
