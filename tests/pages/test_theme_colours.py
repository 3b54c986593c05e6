"""Whatever colour a deployment chooses, it can be read in light and in dark (WCAG 2.2 §1.4.3)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oidc_server.core.settings import Settings
from oidc_server.pages.theme import make_theme
from tests.pages.messages import PACKAGE

COLOURS = st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)
READABLE = 4.5


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(part, 16) / 255 for part in re.findall("[0-9a-fA-F]{2}", color)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


@given(COLOURS)
@example("#000000")
@example("#ffffff")
@example("#ffff00")
@example("#0000ff")
@example("#808080")
def test_the_colour_can_be_read_on_the_paper_and_words_can_be_read_on_it(color: str) -> None:
    style = (PACKAGE / "static" / "pages.css").read_text(encoding="utf-8")
    light_paper, dark_paper = re.findall(r"--paper: (#[0-9a-f]{6});", style)
    css = make_theme(replace(Settings(), theme_color=color)).css
    (light, on_light), (dark, on_dark) = re.findall(r"--accent:(#\w{6});--on-accent:(#\w{6})", css)
    for one, other in ((light, light_paper), (dark, dark_paper), (light, on_light), (dark, on_dark)):
        assert contrast(one, other) >= READABLE


@pytest.mark.parametrize("color", ["#1f5fbf", "#0f766e", "#7c2d4f"])
def test_a_colour_that_can_be_read_stays_as_it_is(color: str) -> None:
    assert make_theme(replace(Settings(), theme_color=color)).light == color
