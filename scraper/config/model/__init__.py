"""The frozen values of a site's configuration, by section.

Most of these modules do without `from __future__ import annotations`: pydantic would compile each annotation again.
"""
