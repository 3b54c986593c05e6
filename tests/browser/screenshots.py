"""``python -m tests.browser.screenshots``: write the pictures of the pages that the documentation shows."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.chromium import NOT_FOUND, draw, find_chromium, running_chromium
from tests.browser.people import arriving
from tests.browser.place import Place, running_place
from tests.browser.small_png import small_png
from tests.browser.views import VIEWS

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "pages"
DESKTOP, PHONE = {"width": 620, "height": 600}, {"width": 390, "height": 780}
DARK_PHONE = {"viewport": PHONE, "color_scheme": "dark"}
THEME = {"theme_name": "Harbour", "theme_color": "#0f766e"}
_WAVES = """<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32" fill="none"
stroke="#0f766e" stroke-width="3" stroke-linecap="round"><path d="M3 10q6.5-7 13 0t13 0M3 18q6.5-7 13 0t13 0M3 26q6.5-7
13 0t13 0"/></svg>"""
_SHIP = """<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96" viewBox="0 0 48 48">
<rect width="48" height="48" rx="12" fill="#7c2d4f"/>
<path d="M9 33h30l-4 7H13zM23 8v22H11zM26 13v17h12z" fill="#fff"/></svg>"""


@dataclass(frozen=True)
class Picture:
    """A page as it is shown; ``look`` are options of Playwright's contexts, and ``email`` says whose it is: a person's
    own pages show what the same person did for other pictures."""

    name: str
    view: str
    look: dict[str, Any] = field(default_factory=dict)
    email: str = "ada@example.com"


PICTURES = (
    Picture("sign-in", "sign-in"),
    Picture("sign-in-wrong", "password-wrong"),
    Picture("consent", "consent"),
    Picture("consent-more", "consent-to-more"),
    Picture("choose-account", "choose-account"),
    Picture("sign-out", "sign-out"),
    Picture("signed-out", "signed-out"),
    Picture("error", "error"),
    Picture("no-cookies", "no-cookies"),
    Picture("form-post", "form-post"),
    Picture("phone-sign-in", "sign-in", DARK_PHONE),
    Picture("phone-consent", "consent", DARK_PHONE),
    Picture("phone-choose-account", "choose-account", DARK_PHONE),
    Picture("phone-sign-in-de", "password-wrong", {"viewport": PHONE, "locale": "de"}),
    Picture("register", "register"),
    Picture("mail-sent", "mail-sent"),
    Picture("confirm-elsewhere", "confirm-elsewhere"),
    Picture("own-password", "own-password"),
    Picture("forgotten", "forgotten-wrong"),
    Picture("reset-password", "reset-password", email="dorothy@example.com"),
    Picture("undo-change", "undo-change", email="lise@example.com"),
    Picture("link-refused", "link-refused"),
    Picture("phone-register", "register", DARK_PHONE),
    Picture("phone-confirm-here", "confirm-here", DARK_PHONE),
    Picture("phone-register-de", "register-wrong", {"viewport": PHONE, "locale": "de"}),
    Picture("account", "account", email="grace@example.com"),
    Picture("account-confirm", "account-confirm", email="edith@example.com"),
    Picture("account-email", "account-email", email="joan@example.com"),
    Picture("account-password", "account-password-wrong", email="hedy@example.com"),
    Picture("account-sessions", "account-sessions", email="mary@example.com"),
    Picture("account-apps", "account-apps", email="emmy@example.com"),
    Picture("account-activity", "account-activity", email="barbara@example.com"),
    Picture("account-close", "account-close", email="karen@example.com"),
    Picture("second-factor", "second-factor", email="chien@example.com"),
    Picture("second-factor-by-mail", "second-factor-sent", email="lynn@example.com"),
    Picture("enrol", "enrol", email="frances@example.com"),
    Picture("enrol-app", "enrol-app", email="margaret@example.com"),
    Picture("enrol-codes", "enrol-codes", email="evelyn@example.com"),
    Picture("security", "security", email="katherine@example.com"),
    Picture("security-add", "security-add", email="annie@example.com"),
    Picture("security-add-passkey", "security-add-passkey", email="jean@example.com"),
    Picture("phone-second-factor", "second-factor", DARK_PHONE, "marlyn@example.com"),
    Picture("phone-second-factor-de", "second-factor-wrong", {"viewport": PHONE, "locale": "de"}, "betty@example.com"),
    Picture("phone-security", "security", DARK_PHONE, "carol@example.com"),
    Picture("phone-account", "account", DARK_PHONE, "sophie@example.com"),
    Picture("phone-account-sessions", "account-sessions", DARK_PHONE, "anita@example.com"),
    Picture("phone-account-profile-de", "account-profile", {"viewport": PHONE, "locale": "de"}, "radia@example.com"),
)
THEMED = (Picture("theme", "sign-in"), Picture("theme-dark", "sign-in", {"color_scheme": "dark"}))


def take(browser: Browser, place: Place, pictures: tuple[Picture, ...], folder: Path) -> None:
    """Write the pictures; in each the app is a new one, which nobody has allowed anything yet."""
    logo, blank = draw(browser, _SHIP, 96), browser.new_page()
    people = {email: place.user(email) for email in {picture.email for picture in pictures}}
    for picture in pictures:
        options = {"viewport": DESKTOP} | picture.look
        app = place.app(logo=logo, policy_uri="https://notes.example/p", tos_uri="https://notes.example/t")
        with arriving(browser, place, app=app, user=people[picture.email], **options) as person:
            VIEWS[picture.view](person)
            png = person.page.screenshot(full_page=True)
            (folder / f"{picture.name}.png").write_bytes(small_png(blank, png))
    blank.close()


def main() -> int:
    """Write all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder; by default the documentation's")
    folder: Path = parser.parse_args().to
    program = find_chromium()
    if program is None:
        print(NOT_FOUND, file=sys.stderr)  # noqa: T201 - a program
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, running_chromium(program) as browser:
        places = Path(temporary)
        logo = places / "logo.svg"
        logo.write_text(_WAVES)
        for name, pictures, settings in (
            ("usual", PICTURES, {}),
            ("themed", THEMED, {**THEME, "theme_logo": logo}),
        ):
            (places / name).mkdir()
            with running_place(places / name, f"sqlite:///{places / name / 'database'}", **settings) as place:
                take(browser, place, pictures, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
