"""Which passwords are accepted: NIST SP 800-63B §3.1.1: length and a list of common ones, no composition rules."""

import unicodedata
from functools import cache

MIN_CHARACTERS = 8
MAX_CHARACTERS = 256


class PasswordRefused(ValueError):
    """The password may not be used; the message says why, for the person who chose it."""


@cache
def _common_passwords() -> frozenset[str]:
    """Passwords that attackers try first. Loaded at first use: only where passwords are chosen."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - costs memory that most processes never need

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_CHARACTERS)


def check_password(password: str, *about_the_person: str) -> None:
    """Accept a new password, or raise :class:`PasswordRefused`.

    ``about_the_person`` are their email address and names, which a guesser tries first."""
    normal = unicodedata.normalize("NFC", password)
    if len(normal) < MIN_CHARACTERS:
        raise PasswordRefused(f"A password has at least {MIN_CHARACTERS} characters.")
    if len(normal) > MAX_CHARACTERS:
        raise PasswordRefused(f"A password has at most {MAX_CHARACTERS} characters.")
    lowered = normal.lower()
    if lowered in _common_passwords() or len(set(lowered)) == 1:
        raise PasswordRefused("This password is one of those that are guessed first. Choose another.")
    obvious = {part.lower() for text in about_the_person for part in (text, text.partition("@")[0])}
    if lowered in obvious | {"oidc-server", "oidcserver"}:
        raise PasswordRefused("This password is your name or the name of this service. Choose another.")
