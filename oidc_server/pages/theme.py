"""How the pages look for one deployment: its name, its logo and its colour, each by a setting."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from oidc_server.core.settings import Settings

EXTENSION = "oidc_server.theme"
_MIN_CONTRAST = 4.5  # WCAG 2.2 §1.4.3


@dataclass(frozen=True)
class Theme:
    """``light`` and ``dark`` are the accent in either scheme, each with enough contrast for text on it."""

    name: str
    light: str
    dark: str
    logo: Path | None

    @property
    def css(self) -> str:
        """The variables that the style sheet reads."""
        return (
            f":root{{--accent:{self.light};--on-accent:{_on(self.light)}}}\n"
            f"@media (prefers-color-scheme:dark){{:root{{--accent:{self.dark};--on-accent:{_on(self.dark)}}}}}\n"
        )

    @property
    def on_light(self) -> str:
        """What can be read on the accent of the light scheme, which is the only one that mails have."""
        return _on(self.light)


def make_theme(settings: Settings) -> Theme:
    """The theme of settings that were checked."""
    color = settings.theme_color
    logo = Path(settings.theme_logo) if settings.theme_logo else None
    return Theme(settings.theme_name, _towards(color, "#ffffff"), _towards(color, "#111418"), logo)


def _towards(color: str, background: str) -> str:
    """The colour, made darker or lighter until a link in it can be read on the background."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(color))
    step = -0.02 if _luminance(background) > 0.5 else 0.02
    while _contrast(color, background) < _MIN_CONTRAST:
        lightness += step
        red, green, blue = colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness)), saturation)
        color = f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
    return color


def _on(color: str) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return max("#ffffff", "#111418", key=lambda text: _contrast(text, color))


def _parts(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(color)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def current_theme() -> Theme:
    """The theme of the current application."""
    theme: Theme = current_app.extensions[EXTENSION]
    return theme
