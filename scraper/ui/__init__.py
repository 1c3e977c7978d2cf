"""The live page: crawls of a folder in a browser, on loopback."""
