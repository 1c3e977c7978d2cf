"""What is worked out of a run: whether it is the same crawl, how it is judged, and its figures."""
