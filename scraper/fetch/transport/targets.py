"""URLs as they were made: what requests and urllib3 quote again on their way is taken back before it is sent.

Both quote each URL that they are handed, and where one `%` of it begins no escape they escape all others once more:
`/q?x=100%&y=%C3%A9` would ask for another page (URL Standard, section 4.4: a lone `%` stays as it is).
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import requests


def restore_url(prepared: requests.PreparedRequest, made: str | None) -> None:
    """Give a prepared request the URL that it was made of, where nothing but requests' quoting has changed it.

    Args:
        made: the URL that the Session was handed; None where nobody knows it.
    """
    if made is None or prepared.url == made or not prepared.url:
        return
    quoted = requests.PreparedRequest()
    try:
        quoted.prepare_url(made, None)
    except requests.RequestException:
        return
    if quoted.url == prepared.url:
        prepared.url = made


def restored_target(target: str, wanted: str | None) -> str:
    """Return `wanted` where `target` is the same but for its quoting, else `target`.

    Args:
        target: what urllib3 is about to ask for.
        wanted: what it was handed; None where nobody knows it.
    """
    if wanted is None or target == wanted or not wanted.isascii():
        return target
    plain = unquote_to_bytes(target)
    return wanted if plain in (wanted.encode(), unquote_to_bytes(wanted)) else target
