"""The normal forms under which people and rows are found: email addresses, usernames, identifiers.

Usernames follow PRECIS UsernameCaseMapped (RFC 8265 §3.3), domains IDNA 2008 (RFC 5891)."""

import re
import unicodedata
import uuid

import idna
import precis_i18n
import uuid_utils.compat

_LOCAL_PART = re.compile(r"[^\s@\x00-\x20\x7f\"(),:;<>\[\]\\]{1,64}")
_USERNAME_PROFILE = precis_i18n.get_profile("UsernameCaseMapped")
_SIMPLE_USERNAME = re.compile(r"[\w.\-+]{1,64}")
EMAIL_MAX_CHARACTERS = 254
USERNAME_MAX_CHARACTERS = 64


class NotAnEmail(ValueError):
    """The text is not an email address that mail can be sent to."""


class NotAUsername(ValueError):
    """The text is not a username: 1 to 64 letters, digits, dots, hyphens, underscores or plus signs."""


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562 §5.7): unique, and ordered by the time it was made."""
    return uuid_utils.compat.uuid7()


def parse_id(text: str) -> uuid.UUID | None:
    """The UUID that ``text`` spells in its canonical form, or None; so that no other spelling reaches a query."""
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None


def email_key(email: str) -> str:
    """The form in which two spellings of one address are equal: NFC, lower case, domain in A-labels.

    Compatibility look-alikes (a fullwidth at sign, the Kelvin sign) are refused instead of folded, so that no address
    can be made to collide with another person's. Raises :class:`NotAnEmail`."""
    if any(_is_singleton(character) for character in email):
        raise NotAnEmail("an address has no look-alike characters")
    text = unicodedata.normalize("NFC", email)
    if text != unicodedata.normalize("NFKC", text) or max(len(text), len(email)) > EMAIL_MAX_CHARACTERS:
        raise NotAnEmail("an address has no compatibility characters and at most 254 characters")
    local, _, domain = text.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise NotAnEmail("the part before the @ is not valid")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} for character in text):
        raise NotAnEmail("an address has no invisible characters")
    return f"{unicodedata.normalize('NFC', local.lower())}@{_domain_key(domain)}"


def _is_singleton(character: str) -> bool:
    """Whether NFC itself would turn this character into another one (the Kelvin sign into ``K``)."""
    decomposition = unicodedata.decomposition(character)
    return bool(decomposition) and " " not in decomposition


def _domain_key(domain: str) -> str:
    try:
        # Strict: only a full stop separates labels, not the other dots that IDNA 2003 took for one.
        ascii_domain = idna.encode(domain.lower(), strict=True, uts46=False).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise NotAnEmail("the part after the @ is not a domain name") from error
    if "." not in ascii_domain or domain.endswith("."):
        raise NotAnEmail("the part after the @ is not a full domain name")
    return ascii_domain


def username_key(username: str) -> str:
    """The form in which two spellings of one username are equal. Raises :class:`NotAUsername`.

    Look-alikes such as the Kelvin sign are refused, as RFC 8265 §3.3.1 has it; the library would fold them."""
    if len(username) > USERNAME_MAX_CHARACTERS or any(_is_singleton(character) for character in username):
        raise NotAUsername(NotAUsername.__doc__)
    try:
        key: str = _USERNAME_PROFILE.enforce(username)
    except UnicodeError as error:
        raise NotAUsername(NotAUsername.__doc__) from error
    if not _SIMPLE_USERNAME.fullmatch(key):
        raise NotAUsername(NotAUsername.__doc__)
    return key
