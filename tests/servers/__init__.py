"""Servers on loopback that tests crawl: well behaved, scripted byte by byte, and Debian's nginx."""
