"""The processes that a crawl starts: how, and what each of them has to do."""
