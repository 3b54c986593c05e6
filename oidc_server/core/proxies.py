"""Who the caller is behind trusted proxies: ``X-Forwarded-For`` is believed only from configured addresses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOPS_AT_MOST = 20
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """WSGI middleware that walks ``X-Forwarded-For`` from its right end, past the trusted proxies, to the first
    address that no trusted proxy has. Anything that is not an address ends the walk: what stands left of it could
    have been written by anybody."""

    def __init__(self, wsgi_app: WSGIApplication, proxies: tuple[str, ...]) -> None:
        self._wsgi_app = wsgi_app
        self._networks = [ipaddress.ip_network(proxy) for proxy in proxies]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Replace ``REMOTE_ADDR`` and pass the request on."""
        peer = _parse(environ.get("REMOTE_ADDR", ""))
        if peer is not None and self._trusted(peer):
            environ["REMOTE_ADDR"] = str(self._caller(peer, environ.get("HTTP_X_FORWARDED_FOR", "")))
        return self._wsgi_app(environ, start_response)

    def _caller(self, peer: Address, forwarded_for: str) -> Address:
        caller = peer
        for hop in reversed(forwarded_for.split(",")[-_HOPS_AT_MOST:]):
            address = _parse(hop.strip())
            if address is None:
                break
            caller = address
            if not self._trusted(address):
                break
        return caller

    def _trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _parse(text: str) -> Address | None:
    try:
        # The zone of an IPv6 address (RFC 4007 §11) can be any text, and means nothing on another machine.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
