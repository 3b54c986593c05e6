"""Which passwords are accepted: NIST SP 800-63B-4 §3.1.1.2: by their length, a list of common ones, and words about the
person and the service. No rule asks for kinds of characters, and nothing is cut off.

What breaches brought to light is asked of a service, outside of any transaction: ``new_passwords.py``."""

import importlib.util
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from oidc_server.pages.languages import LazyText, lazy_gettext

MIN_CHARACTERS = 8
MAX_CHARACTERS = 256
_PRODUCT = "oidc-server"
_TRIED_WITH_ENDINGS = 3000  # the most common ones, which guessers try with a year or a few signs around them, too
_FEW = 5
_WORD_CHARACTERS = 4
_WORD = re.compile(r"[^\W_]+")
_DIGITS_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")


class PasswordRefused(ValueError):
    """The password may not be used. ``code`` says why to programs, and the text of the exception to the person who
    chose it, in the language of the request."""

    def __init__(self, code: str, words: LazyText, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self._words = words
        self._values = values

    def __str__(self) -> str:
        return self._words % self._values if self._values else str(self._words)


TOO_SHORT: LazyText = lazy_gettext("A password has at least %(count)d characters.")
TOO_LONG: LazyText = lazy_gettext("A password has at most %(count)d characters.")
COMMON: LazyText = lazy_gettext("This password is one of those that are guessed first. Choose another.")
ABOUT_YOU: LazyText = lazy_gettext("This password is your name or the name of this service. Choose another.")
BREACHED: LazyText = lazy_gettext("This password has come to light in a breach of some other service. Choose another.")
CODES = ("too_short", "too_long", "common", "about_you", "breached")


def check_password(password: str, *about_the_person: str, site: str = "") -> None:
    """Accept a new password, or raise :class:`PasswordRefused`.

    ``about_the_person`` are their email address, username and names, which a guesser tries first; ``site`` is what the
    service is called."""
    normal = unicodedata.normalize("NFC", password)
    if len(normal) < MIN_CHARACTERS:
        raise PasswordRefused("too_short", TOO_SHORT, count=MIN_CHARACTERS)
    if len(normal) > MAX_CHARACTERS:
        raise PasswordRefused("too_long", TOO_LONG, count=MAX_CHARACTERS)
    lowered = normal.lower()
    if _is_about(lowered, (*about_the_person, site, _PRODUCT)):
        raise PasswordRefused("about_you", ABOUT_YOU)
    if _is_common(lowered):
        raise PasswordRefused("common", COMMON)


def _is_common(lowered: str) -> bool:
    bare = _DIGITS_AROUND.sub("", lowered)
    common = _common_passwords()
    return (
        len(set(lowered)) == 1
        or f"\n{lowered}\n" in common.all
        or (bool(bare) and len(lowered) - len(bare) <= _FEW and f"\n{bare}\n" in common.first)
    )


def _is_about(lowered: str, texts: Iterable[str]) -> bool:
    """Whether it is such a word, however it is punctuated, or one with only a few digits and signs around it."""
    letters = _folded(lowered)
    candidates = {letters, _DIGITS_AROUND.sub("", letters)}
    for word in _words_of(texts):
        if word in candidates and len(lowered) - len(word) <= _FEW + _signs_within(lowered):
            return True
    return False


def _words_of(texts: Iterable[str]) -> Iterator[str]:
    """The texts, the sides of addresses, and the words they are made of, without punctuation; each with and without
    digits around it."""
    for text in texts:
        lowered = unicodedata.normalize("NFC", text).lower()
        wholes = (lowered, *lowered.split("@"), *lowered.split())
        for word in {_folded(part) for part in (*wholes, *_WORD.findall(lowered))}:
            yield from (form for form in (word, _DIGITS_AROUND.sub("", word)) if len(form) >= _WORD_CHARACTERS)


def _folded(text: str) -> str:
    return "".join(_WORD.findall(text))


def _signs_within(lowered: str) -> int:
    """Signs between the words of a name are no additions to it: ``mike.smith``."""
    bare = _DIGITS_AROUND.sub("", lowered)
    return len(bare) - len(_folded(bare))


class _Common(NamedTuple):
    """Passwords that attackers try before all others, one a line."""

    all: str
    first: str


@cache
def _common_passwords() -> _Common:
    """Loaded at first use: only where passwords are chosen. Of zxcvbn only the file with the list is read, and the
    list kept as one text: as the library keeps it, it would take 13 MB of every process instead of 4."""
    package = importlib.util.find_spec("zxcvbn")
    assert package is not None and package.origin is not None  # noqa: PT018, S101 - it is a dependency
    file = Path(package.origin).with_name("frequency_lists.py")
    spec = importlib.util.spec_from_file_location("_common_passwords", file)
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - the file is a Python module
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    words: list[str] = module.FREQUENCY_LISTS["passwords"]
    return _Common("\n".join(("", *words, "")), "\n".join(("", *words[:_TRIED_WITH_ENDINGS], "")))
