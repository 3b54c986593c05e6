"""Which program, on which system, a ``User-Agent`` names (RFC 9110 §10.1.5): enough for people to know their devices.

A list of our own: those that name thousands of programs cost every process more memory than all of this server's pages.
Nobody has to tell the truth here, so nothing is decided by it; versions are left out, because browsers freeze them."""

from __future__ import annotations

import re
from typing import NamedTuple

from oidc_server.pages.languages import gettext

_PRODUCT = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,39})/[0-9]")
_EVERYBODY = "Mozilla"  # every browser begins so, since 1994

# A browser also names those that it wants to be taken for, so the first of these that is there is the one.
_BROWSERS = (
    ("Edge", frozenset({"Edg", "EdgA", "EdgiOS", "Edge"})),
    ("Opera", frozenset({"OPR", "OPT", "OPX", "Opera"})),
    ("Samsung Internet", frozenset({"SamsungBrowser"})),
    ("Vivaldi", frozenset({"Vivaldi"})),
    ("Yandex Browser", frozenset({"YaBrowser"})),
    ("DuckDuckGo", frozenset({"Ddg", "DuckDuckGo"})),
    ("UC Browser", frozenset({"UCBrowser"})),
    ("Huawei Browser", frozenset({"HuaweiBrowser"})),
    ("Mi Browser", frozenset({"MiuiBrowser"})),
    ("Firefox", frozenset({"Firefox", "FxiOS", "Focus", "Klar"})),
    ("Chrome", frozenset({"Chrome", "CriOS", "Chromium", "HeadlessChrome"})),
    ("Safari", frozenset({"Safari"})),
)
# Android says Linux too, and what runs on an iPhone says Mac OS X.
_SYSTEMS = (
    ("iPadOS", ("iPad",)),
    ("iOS", ("iPhone", "iPod")),
    ("HarmonyOS", ("HarmonyOS", "OpenHarmony")),
    ("Android", ("Android",)),
    ("ChromeOS", ("CrOS",)),
    ("Windows", ("Windows",)),
    ("macOS", ("Macintosh", "Mac OS X", "macOS")),
    ("Linux", ("Linux",)),
    ("FreeBSD", ("FreeBSD",)),
    ("OpenBSD", ("OpenBSD",)),
)


class Program(NamedTuple):
    """A program and the system it runs on, as people call them; None is not known."""

    browser: str | None
    system: str | None


def program_of(user_agent: str | None) -> Program:
    """What a ``User-Agent`` names. A program that is no browser is called what it calls itself."""
    told = user_agent or ""
    products = _PRODUCT.findall(told)
    return Program(_browser(products), _system(told))


def in_words(program: Program) -> str | None:
    """The program in the language that is spoken now, such as "Firefox on Linux"; None when nothing is known."""
    if program.browser is not None and program.system is not None:
        return gettext("%(browser)s on %(system)s", browser=program.browser, system=program.system)
    return program.browser or program.system


def _browser(products: list[str]) -> str | None:
    if not products:
        return None
    if products[0] not in {_EVERYBODY, "Opera"}:
        return products[0]
    named = set(products)
    return next((name for name, tokens in _BROWSERS if tokens & named), None)


def _system(told: str) -> str | None:
    return next((name for name, tokens in _SYSTEMS if any(token in told for token in tokens)), None)
