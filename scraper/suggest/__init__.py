"""Rules that are written from pages: what repeats, what leads where, and which fields there are.

Everything here is a function of parsed pages: nothing is fetched. `suggestion.suggest` is the beginning.
"""
