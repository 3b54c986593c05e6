"""The one redirect-URI rule: what may be registered, and when a requested URI matches (RFC 9700 §2.1, RFC 8252)."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from oidc_server.clients.metadata import MetadataInvalid

_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]{1,2000}")  # RFC 3986 §2, without the fragment's '#'
_LOOPBACK = {"127.0.0.1", "::1"}
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def check_redirect_uri(uri: str, *, client_type: str, what: str = "A redirect URI") -> str:
    """The URI, when a client of this type may register it. Raises :class:`MetadataInvalid`.

    https everywhere; http only on the loopback addresses; for public clients also private-use schemes in
    reverse-domain form (RFC 8252 §7.1). The same rule holds for where people go after they have signed out."""
    if not _CHARACTERS.fullmatch(uri):
        raise MetadataInvalid(f"{what} is an absolute URI without a fragment: {uri!r}.")
    parts = _split(uri)
    if parts is None or parts.username is not None or "%2e" in uri.lower() or _has_dot_segment(parts.path):
        raise MetadataInvalid(f"{what} has no user, and no dot segments: {uri!r}.")
    if parts.scheme == "https" and parts.hostname:
        return uri
    if parts.scheme == "http" and (parts.hostname in _LOOPBACK or parts.hostname == "localhost"):
        return uri
    if client_type == "public" and "." in parts.scheme and parts.scheme not in {"http", "https"} and not parts.netloc:
        return uri
    raise MetadataInvalid(
        f"{what} is https; or http to 127.0.0.1, [::1] or localhost; or, for a public client, a scheme in"
        f" reverse-domain form such as com.example.app:/callback. This is none of them: {uri!r}."
    )


def matches(requested: str, registered: Iterable[str], *, client_type: str) -> bool:
    """Whether a requested redirect URI is registered: the same string, character by character.

    One exception: a public client's loopback IP address may come with any port (RFC 8252 §7.3)."""
    registered = list(registered)
    if requested in registered:
        return True
    if client_type != "public":
        return False
    portless = _without_loopback_port(requested)
    return portless is not None and any(portless == _without_loopback_port(uri) for uri in registered)


def origins(uris: Iterable[str]) -> set[str]:
    """The web origins of redirect URIs, from which a browser client calls the token endpoint; as browsers write them,
    without a default port (RFC 6454 §6.2)."""
    parts = [split for uri in uris if (split := _split(uri)) is not None]
    return {
        f"{part.scheme}://{part.netloc.lower().removesuffix(_DEFAULT_PORTS[part.scheme])}"
        for part in parts
        if part.scheme in _DEFAULT_PORTS
    }


def _without_loopback_port(uri: str) -> str | None:
    """The URI without its port when it is http to a loopback IP literal, written canonically; otherwise None."""
    if not _CHARACTERS.fullmatch(uri):
        return None
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or parts.hostname not in _LOOPBACK or not uri.startswith("http://"):
        return None
    host = f"[{parts.hostname}]" if ipaddress.ip_address(parts.hostname).version == 6 else parts.hostname
    expected = host if parts.port is None else f"{host}:{parts.port}"
    return uri.replace(f"http://{expected}", f"http://{host}", 1) if parts.netloc == expected else None


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return None
    return parts


def _has_dot_segment(path: str) -> bool:
    return any(segment in {".", ".."} for segment in path.split("/"))
