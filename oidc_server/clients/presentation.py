"""What a client shows to people: its name and the links beside it (RFC 7591 §2). It says them itself, so they are
checked before they reach a page (OWASP ASVS 10.4.7)."""

import re
import unicodedata
from urllib.parse import urlsplit

from oidc_server.clients.metadata import MetadataInvalid

NAME_CHARACTERS = 200
# Unicode calls these letters, marks or symbols, and yet nothing of them is seen: a name of them would be a blank.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,2000}")  # RFC 3986 §2


def check_client_name(name: str) -> str:
    """The name in Unicode's composed form, with single spaces. Raises :class:`MetadataInvalid`.

    What cannot be seen is refused: control characters, zero-width ones, and those that turn the direction of the text
    (attack D21)."""
    composed = unicodedata.normalize("NFC", re.sub(" +", " ", name.strip()))
    if not composed or len(composed) > NAME_CHARACTERS or not composed.isprintable() or _BLANK & set(composed):
        raise MetadataInvalid(f"A client's name has 1 to {NAME_CHARACTERS} printable characters.")
    if unicodedata.category(composed[0]).startswith("M"):
        raise MetadataInvalid("A client's name does not begin with a mark: it would join what stands before the name.")
    return composed


def check_link(name: str, uri: str | None) -> str | None:
    """The address behind ``client_uri``, ``policy_uri`` or ``tos_uri``. Raises :class:`MetadataInvalid`."""
    if uri is None:
        return None
    if not _URI_CHARACTERS.fullmatch(uri) or not _leads_to_a_host(uri):
        raise MetadataInvalid(
            f"{name} is an https address of at most 2000 characters, in ASCII and without a user: {uri[:100]!r}."
        )
    return uri


def _leads_to_a_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not set("@%") & set(parts.netloc)
