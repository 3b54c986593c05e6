"""Every page, and how somebody comes to see it."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.own_views import OWN_VIEWS
from tests.browser.people import Person
from tests.browser.public_views import PUBLIC_VIEWS
from tests.browser.second_factor_views import SECOND_FACTOR_VIEWS
from tests.browser.security_views import SECURITY_VIEWS

SCOPE = "openid profile email phone offline_access notes:write"
ATTEMPTS = 5

View = Callable[[Person], None]


def get_in(person: Person, scope: str) -> None:
    """Come from the app to the question for consent; whoever has signed in before is not asked for a password."""
    person.ask(scope=scope)
    if person.element("password").count():
        person.sign_in()


def sign_in(person: Person) -> None:
    person.ask()


def fields_empty(person: Person) -> None:
    person.ask()
    person.press("continue")


def password_wrong(person: Person) -> None:
    person.ask()
    person.sign_in(password="wrong")


def too_many_attempts(person: Person) -> None:
    person.ask()
    for _ in range(ATTEMPTS + 1):
        person.sign_in(password="wrong")


def consent(person: Person) -> None:
    get_in(person, SCOPE)


def consent_to_more(person: Person) -> None:
    get_in(person, "openid email")
    person.press("allow")
    person.ask(scope=SCOPE)


def choose_account(person: Person) -> None:
    get_in(person, "openid")
    person.ask(prompt="select_account")


def sign_out(person: Person) -> None:
    get_in(person, "openid")
    person.ask_to_sign_out()


def signed_out(person: Person) -> None:
    person.open("/signed-out")


def still_signed_in(person: Person) -> None:
    sign_out(person)
    person.press("stay")


def error(person: Person) -> None:
    person.open("/oauth/authorize?client_id=nobody")


def no_cookies(person: Person) -> None:
    person.open("/consent")


def form_post(person: Person) -> None:
    """Without its script, which would leave the page at once."""
    person.page.route("**/form_post.js", lambda route: route.fulfill(body=""))
    person.ask(response_mode="form_post", prompt="none")


OF_THOSE_WHO_ARE_SIGNED_IN = {"consent", "consent-to-more", "choose-account", "sign-out", "still-signed-in"}
VIEWS: dict[str, View] = {
    view.__name__.replace("_", "-"): view
    for view in (
        sign_in, fields_empty, password_wrong, too_many_attempts, consent, consent_to_more, choose_account, sign_out,
        signed_out, still_signed_in, error, no_cookies, form_post,
        *OWN_VIEWS, *SECURITY_VIEWS, *SECOND_FACTOR_VIEWS, *PUBLIC_VIEWS,
    )
}  # fmt: skip
