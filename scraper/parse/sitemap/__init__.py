"""Sitemaps and feeds: their URLs and modification dates, from a stream of bytes."""
