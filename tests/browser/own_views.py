"""Every page of one's own account, and how somebody comes to see it: each signs in anew, since some of these pages end
or renew the session."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from oidc_server.core import clock
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from tests.accounts.devices import FIREFOX
from tests.browser.people import Person

SCOPE = "openid profile email offline_access notes:write"


def own(person: Person, path: str) -> None:
    """Open a page of the account, and sign in on the way."""
    person.open(path)
    if person.element("password").count():
        person.sign_in()


def account(person: Person) -> None:
    own(person, "/account")


def account_unconfirmed(person: Person) -> None:
    own(person, "/account")
    with person.place.owner.database.transaction() as session:
        session.execute(update(User).where(User.id == person.user.id).values(email_verified_at=None))
    person.open("/account/close")


def account_profile(person: Person) -> None:
    own(person, "/account/profile")
    person.page.fill("#full_name", "Ada Lovelace")
    person.page.fill("#bio", "Mathematician. Writes programs for machines that are not built yet.")
    person.page.fill("#zoneinfo", "Europe/London")
    person.press("save")


def account_profile_wrong(person: Person) -> None:
    own(person, "/account/profile")
    person.page.fill("#birthdate", "tomorrow")
    person.page.fill("#address_region", "x" * 200)
    person.press("save")


def account_email(person: Person) -> None:
    own(person, "/account/email")
    person.page.fill("#email", "ada.lovelace@example.org")
    person.press("save")


def account_email_wrong(person: Person) -> None:
    own(person, "/account/email")
    person.page.fill("#email", "ada")
    person.press("save")


def account_password(person: Person) -> None:
    own(person, "/account/password")


def account_password_wrong(person: Person) -> None:
    own(person, "/account/password")
    person.page.fill("#current_password", person.user.password)
    person.page.fill("#new_password", "short")
    person.press("save")


def account_confirm(person: Person) -> None:
    """Signed in too long ago for what matters."""
    own(person, "/account")
    before = clock.now() - timedelta(minutes=11)
    with person.place.owner.database.transaction() as session:
        session.execute(update(User).where(User.id == person.user.id).values(password_changed_at=before))
        session.execute(update(LoginSession).where(LoginSession.user_id == person.user.id).values(auth_time=before))
    person.open("/account/password")


def account_sessions(person: Person) -> None:
    browser = person.page.context.browser
    assert browser is not None
    with browser.new_context(user_agent=FIREFOX, locale="en") as context:
        elsewhere = Person(person.place, context.new_page(), person.user, person.app)
        own(elsewhere, "/account")
    account_apps(person)
    person.open("/account/sessions")


def account_apps(person: Person) -> None:
    person.ask(scope=SCOPE)
    person.sign_in()
    person.press("allow")
    person.arrival()
    person.open("/account/apps")


def account_activity(person: Person) -> None:
    account_apps(person)
    person.open("/account/activity")


def account_data(person: Person) -> None:
    own(person, "/account/data")


def account_close(person: Person) -> None:
    own(person, "/account/close")


def account_closed(person: Person) -> None:
    account_close(person)
    person.press("close-account")


OWN_VIEWS = (
    account, account_unconfirmed, account_profile, account_profile_wrong, account_email, account_email_wrong,
    account_password, account_password_wrong, account_confirm, account_sessions, account_apps, account_activity,
    account_data, account_close, account_closed,
)  # fmt: skip
