"""What happens in a crawl, for those who watch: log, progress, figures, report. They never steer."""
