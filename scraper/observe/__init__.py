"""Events of a crawl and those who watch them: log, progress, stats, report. They never steer."""
