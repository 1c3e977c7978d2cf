"""Tables that a running crawl writes: queue, visits, items, domains, files."""
