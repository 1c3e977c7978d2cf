"""BeautifulSoup trees, built and searched faster than bs4 does by itself."""
