"""Settings that belong to exactly one origin: its secret headers, its auth, its client certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.auth import AuthBase, HTTPBasicAuth

from scraper import urls
from scraper.config import OriginConfig
from scraper.errors import UsageError
from scraper.request import Request

if TYPE_CHECKING:
    from scraper.fetch.identity import Signer


class Origins:
    """The values of `origins`, by origin.

    Args:
        auths: what `auth_of` made, by the origins' names.
        hosts: those that the crawl is told to visit, with their subdomains; all where there are none. To a host that
            a redirect brings into the scope nothing is sent.
        signer: `identity.key`, where there is one.
        sender: `identity.from`.
    """

    def __init__(
        self,
        configs: Mapping[str, OriginConfig],
        auths: Mapping[str, AuthBase | None],
        hosts: Iterable[str] = (),
        signer: Signer | None = None,
        sender: str | None = None,
    ) -> None:
        #: Signs each head that is sent, to whatever origin; and the address of who sends them.
        self.signer = signer
        self.sender = sender
        self._hosts = {urls.bare_host(host) for host in hosts}
        self._configs = {_origin(name): config for name, config in configs.items()}
        self._auth = {_origin(name): auth for name, auth in auths.items()}

    def of(self, request: Request) -> tuple[Mapping[str, str], AuthBase | None, Any]:
        """Return headers, auth and client certificate for a request.

        Nothing for one whose URL another origin chose: by a redirect, a listing, or as the file of an item.
        """
        if not self._configs:
            return {}, None, None
        origin = urls.origin_of(request.url)
        config = self._configs.get(origin)
        if config is None or request.bare or not urls.is_within(urls.host_of(origin), self._hosts or None):
            return {}, None, None
        return config.headers, self._auth.get(origin), config.cert


def _origin(name: str) -> str:
    return urls.origin_of(urls.normalize(name) or name)


def auth_of(origin: str, spec: Any, load: Callable[[str], Any]) -> AuthBase | None:
    """Make the AuthBase that `origins.ORIGIN.auth` names; once, since some (digest) remember what servers said.

    Args:
        load: imports what a `module:factory` names.

    Raises:
        UsageError: it cannot be imported or made.
    """
    if spec is None or isinstance(spec, AuthBase):
        return spec
    if isinstance(spec, Mapping) and "basic" in spec:
        user, password = spec["basic"]
        return HTTPBasicAuth(str(user), str(password))
    factory = load(str(spec))
    try:
        made: AuthBase = factory()
    except Exception as error:
        raise UsageError(
            f"the auth {spec} of {origin} cannot be made: {type(error).__name__}: {error}",
            remedy="name a factory that takes no arguments",
        ) from error
    return made


def signer_of(key: str | None, agent: str | None, resolve: Callable[[str], Path]) -> Signer | None:
    """Make what `identity` names, where it names a key.

    Raises:
        UsageError: the key cannot be read, or what it needs is not installed.
    """
    if key is None or agent is None:
        return None
    from scraper.fetch.identity import Signer, read_key

    return Signer(read_key(resolve(key)), agent)
