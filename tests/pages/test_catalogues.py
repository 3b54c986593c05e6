"""Each language has a translation of every message, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.pages.messages import CATALOGUES, TEMPLATES, catalogue, markup, messages, placeholders

_MESSAGE = re.compile(r"{%-? *trans\b.*?{%-? *endtrans *-?%}", re.DOTALL)
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_WORDS_IN_ATTRIBUTES = re.compile(r"""\b(?:aria-label|title|placeholder|alt)="[^"{]*[A-Za-z]""")


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.parent.name)
def translations(request: pytest.FixtureRequest) -> Catalog:
    path: Path = request.param
    return catalogue(path)


def test_there_is_german_and_there_are_messages_of_templates_and_of_code() -> None:
    assert "de" in {path.parent.name for path in CATALOGUES}
    assert {"Allow access?", "Password", "see your email address", "This page needs cookies"} <= messages()


def test_a_catalogue_has_every_message_and_no_other(translations: Catalog) -> None:
    translated = {str(message.id) for message in translations if message.id}
    assert messages() - translated == set()
    assert translated - messages() == set()
    assert list(translations.obsolete) == []


def test_no_translation_is_empty_or_unsure(translations: Catalog) -> None:
    assert [message.id for message in translations if message.id and (not message.string or message.fuzzy)] == []


def test_a_translation_has_the_placeholders_and_the_markup_of_its_message(translations: Catalog) -> None:
    for message in translations:
        if message.id:
            text, translation = str(message.id), str(message.string)
            assert placeholders(translation) == placeholders(text), text
            assert markup(translation) == markup(text), text
            assert translation.count("%") == text.count("%"), text


def test_a_translation_ends_like_its_message(translations: Catalog) -> None:
    for message in translations:
        if message.id:
            text, translation = str(message.id), str(message.string)
            assert [end for end in ".?:)" if text.endswith(end)] == [end for end in ".?:)" if translation.endswith(end)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_words_outside_of_a_message(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert _WORDS_IN_ATTRIBUTES.findall(text) == []
    shown = _TAG.sub("", _JINJA.sub("", _MESSAGE.sub("", text)))
    assert re.findall(r"[^\W\d_]+", shown) == []
