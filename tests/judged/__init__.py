"""Pages whose links and forms browsers are asked about."""
