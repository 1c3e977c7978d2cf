"""Send through the proxies of the environment, but for what NO_PROXY names: asked for each host and port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.request import getproxies

import requests
from requests.utils import get_environ_proxies, select_proxy

#: Origins of a Session that are remembered.
_MOST = 1024


def use_environment(session: requests.Session) -> None:
    """Make this Session, which does not look at the environment itself, use the proxies that it names.

    A proxy of the Session's own, or one named for a request, comes first. What NO_PROXY says is asked in the words of
    requests, once an origin. Does nothing where the environment has no proxies.
    """
    if not getproxies():
        return
    by_origin: dict[str, Mapping[str, str]] = {}
    send = session.send

    def send_by_proxy(request: requests.PreparedRequest, **keywords: Any) -> requests.Response:
        url = request.url or ""
        own = keywords.get("proxies", session.proxies) or {}
        if select_proxy(url, own) is None:
            origin = url[: url.find("/", len("https://"))]
            if origin not in by_origin:
                if len(by_origin) >= _MOST:
                    by_origin.clear()
                by_origin[origin] = get_environ_proxies(url)
            keywords["proxies"] = {**by_origin[origin], **own}
        return send(request, **keywords)

    session.send = send_by_proxy  # type: ignore[method-assign]
