"""Each language has a translation of every message, and nothing else."""

from __future__ import annotations

import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.pages.messages import (
    CATALOGUES,
    TEMPLATES,
    catalogue,
    forms,
    is_unsure,
    markup,
    messages,
    pairs,
    placeholders,
)

_MESSAGE = re.compile(r"{%-? *trans\b.*?{%-? *endtrans *-?%}", re.DOTALL)
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_WORDS_IN_ATTRIBUTES = re.compile(r"""\b(?:aria-label|title|placeholder|alt)="[^"{]*[A-Za-z]""")


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.parent.parent.name)
def translations(request: pytest.FixtureRequest) -> Catalog:
    path: Path = request.param
    return catalogue(path)


def test_there_is_german_and_there_are_messages_of_templates_and_of_code() -> None:
    assert "de" in {path.parent.parent.name for path in CATALOGUES}
    assert {"Allow access?", "Password", "see your email address", "This page needs cookies"} <= messages()


def test_a_catalogue_has_every_message_and_no_other(translations: Catalog) -> None:
    translated = {text for text, _ in pairs(translations)}
    assert messages() - translated == set()
    assert translated - messages() == set()
    assert list(translations.obsolete) == []


def test_no_translation_is_empty_or_unsure(translations: Catalog) -> None:
    assert [message.id for message in translations if is_unsure(message)] == []


def test_a_translation_has_the_placeholders_and_the_markup_of_its_message(translations: Catalog) -> None:
    for text, translation in pairs(translations):
        assert placeholders(translation) == placeholders(text), text
        assert markup(translation) == markup(text), text
        assert translation.count("%") == text.count("%"), text


def test_a_translation_ends_like_its_message(translations: Catalog) -> None:
    for text, translation in pairs(translations):
        assert [end for end in ".?:)" if text.endswith(end)] == [end for end in ".?:)" if translation.endswith(end)]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_what_the_server_reads_is_what_was_translated(path: Path) -> None:
    """`make translations` was not forgotten."""
    with path.with_suffix(".mo").open("rb") as compiled:
        read = GNUTranslations(compiled)
    for message in filter(lambda message: message.id, catalogue(path)):
        texts, translations = forms(message.id), forms(message.string)
        if len(texts) == 1:
            assert read.gettext(texts[0]) == translations[0]
        else:
            assert tuple(read.ngettext(texts[0], texts[1], count) for count in (1, 2)) == translations


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_words_outside_of_a_message(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert _WORDS_IN_ATTRIBUTES.findall(text) == []
    shown = _TAG.sub("", _JINJA.sub("", _MESSAGE.sub("", text)))
    assert re.findall(r"[^\W\d_]+", shown) == []
