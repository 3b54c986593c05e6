"""Resource indicators (RFC 8707): what may be registered as a resource, and asked for."""

import re
from urllib.parse import urlsplit

from oidc_server.clients.metadata import MetadataInvalid

_ABSOLUTE_URI = re.compile(r"[a-z][a-z0-9+.-]*:[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]{1,500}")
RESOURCES_AT_MOST = 10


def is_resource(uri: str) -> bool:
    """Whether the text is an absolute URI without a fragment (RFC 8707 §2)."""
    try:
        return bool(_ABSOLUTE_URI.fullmatch(uri)) and bool(urlsplit(uri).netloc or urlsplit(uri).path)
    except ValueError:
        return False


def check_resource(uri: str) -> str:
    """The URI, when it may be registered. Raises :class:`MetadataInvalid`."""
    if not is_resource(uri):
        raise MetadataInvalid(
            f"A resource is an absolute URI without a fragment, such as https://api.example.com: {uri!r}."
        )
    return uri
