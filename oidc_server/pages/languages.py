"""The languages of the pages: English in the templates, others in catalogues, chosen for each request.

``ui_locales`` of the authorization request comes first (OpenID Connect Core §3.1.2.1), then what the browser
prefers. A mail says its language itself, because it is written outside of any request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from flask import has_request_context, request
from markupsafe import escape

_CATALOGUES = Path(__file__).resolve().parent.parent / "translations"
DEFAULT = "en"
EXTENSION = "oidc_server.language"
_SUBTAGS = 3  # language, script, region: more never name another translation
_TAGS_AT_MOST = 20


class Unit(NamedTuple):
    """A unit of time: its seconds, and how one and how many of them are called."""

    seconds: int
    one: str
    many: str


_UNITS = (
    Unit(86_400, "%(num)d day", "%(num)d days"),
    Unit(3600, "%(num)d hour", "%(num)d hours"),
    Unit(60, "%(num)d minute", "%(num)d minutes"),
)


@dataclass(frozen=True)
class Language:
    """A language that the pages speak, by its BCP 47 tag."""

    tag: str
    translations: NullTranslations


_spoken: ContextVar[Language | None] = ContextVar("oidc_server.spoken", default=None)


@cache
def languages() -> dict[str, Language]:
    """All of them by their tags, read once."""
    found = {DEFAULT: Language(DEFAULT, NullTranslations())}
    for catalogue in sorted(_CATALOGUES.glob("*/LC_MESSAGES/messages.mo")):
        tag = catalogue.parent.parent.name
        with catalogue.open("rb") as compiled:
            found[tag] = Language(tag, GNUTranslations(compiled))
    return found


def prefer(ui_locales: str | None) -> None:
    """Let the pages of this request speak the first of these languages that there is (BCP 47 tags, by spaces)."""
    request.environ[EXTENSION] = _first_spoken((ui_locales or "").split())


@contextmanager
def speaking(tag: str | None) -> Iterator[Language]:
    """Speak this language inside the block, whatever request there is (BCP 47 tag): English when it is none of ours."""
    language = _first_spoken([tag] if tag else []) or languages()[DEFAULT]
    token = _spoken.set(language)
    try:
        yield language
    finally:
        _spoken.reset(token)


def current_language() -> Language:
    """The language of the block that is :func:`speaking`, or of this request."""
    spoken = _spoken.get()
    if spoken is not None:
        return spoken
    if not has_request_context():
        return languages()[DEFAULT]
    language: Language | None = request.environ.get(EXTENSION)
    if language is None:
        accepted = (tag for tag, quality in request.accept_languages if quality > 0)
        language = request.environ[EXTENSION] = _first_spoken(accepted) or languages()[DEFAULT]
    return language


def translate(text: str) -> str:
    """The text in the language of this request, as templates ask for it."""
    return current_language().translations.gettext(text)


def translate_number(one: str, many: str, count: int) -> str:
    """The text for a number of things."""
    return current_language().translations.ngettext(one, many, count)


def gettext(text: str, **values: object) -> str:
    """The text in the language of this request, with its values put in."""
    translated = translate(text)
    return translated % values if values else translated


def length_of_time(seconds: float) -> str:
    """So many seconds in words, rounded up, in the largest unit of which they are at least two."""
    unit = next((unit for unit in _UNITS if seconds >= 2 * unit.seconds), _UNITS[-1])
    count = max(1, math.ceil(seconds / unit.seconds))
    return translate_number(unit.one, unit.many, count) % {"num": count}


def lazy_gettext(text: str) -> Any:
    """A text that is translated whenever it is shown; it is no ``str``, but stands wherever one is shown."""
    return LazyText(text)


class LazyText:
    """Looks like its translation."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return gettext(self._text)

    def __mod__(self, values: object) -> str:
        return str(self) % values  # as WTForms puts the bounds of a validator into its message

    def __html__(self) -> str:
        return str(escape(str(self)))


def _first_spoken(tags: Iterable[str]) -> Language | None:
    """Ours for the first of the tags that there is one for. ``de-AT`` is spoken as ``de`` (RFC 4647 §3.4)."""
    ours = {language.tag.lower(): language for language in languages().values()}
    for tag in islice(tags, _TAGS_AT_MOST):
        subtags = tag.lower().split("-", _SUBTAGS)[:_SUBTAGS]
        for length in range(len(subtags), 0, -1):
            if (language := ours.get("-".join(subtags[:length]))) is not None:
                return language
    return None
