"""Every page of one's own account about second factors, and how somebody comes to see it."""

from __future__ import annotations

from oidc_server.mfa.trusted_devices import trust
from oidc_server.users.models import User
from tests.accounts.devices import FIREFOX, SAFARI
from tests.browser.own_views import own
from tests.browser.people import Person
from tests.second_factors import Totp, enrol_email, enrol_totp, factors_of

SECURITY = "/account/security"


def guarded(person: Person, path: str) -> Totp:
    """Open a page of the account by password and authenticator app."""
    totp = enrol_totp(person.place.owner, person.user)
    own(person, "/account")
    person.page.fill("#code", totp.code())
    person.press("continue")
    person.open(path)
    return totp


def security_none(person: Person) -> None:
    own(person, SECURITY)


def security(person: Person) -> None:
    """With an app, mail, and browsers that are trusted."""
    server = person.place.owner
    guarded(person, SECURITY)
    enrol_email(server, person.user)
    with server.database.transaction() as session:
        for user_agent in (FIREFOX, SAFARI):
            trust(session, factors_of(server), session.get_one(User, person.user.id), user_agent)
    person.open(SECURITY)


def security_method(person: Person) -> None:
    totp = guarded(person, SECURITY)
    enrol_email(person.place.owner, person.user)
    person.open(f"{SECURITY}/method?id={totp.method_id}")
    person.page.fill("#name", "")
    person.press("rename")


def security_browsers(person: Person) -> None:
    security(person)
    person.page.click("#trusted-browsers")


def security_codes(person: Person) -> None:
    guarded(person, f"{SECURITY}/recovery-codes")


def security_new_codes(person: Person) -> None:
    security_codes(person)
    person.press("make-codes")


def security_add(person: Person) -> None:
    own(person, f"{SECURITY}/add")


def security_add_wrong(person: Person) -> None:
    own(person, f"{SECURITY}/add?kind=totp")
    person.page.fill("#name", "x" * 101)
    person.press("begin")


def security_add_totp(person: Person) -> None:
    own(person, f"{SECURITY}/add?kind=totp")
    person.press("begin")


def security_add_totp_wrong(person: Person) -> None:
    security_add_totp(person)
    person.page.fill("#code", "1")
    person.press("confirm")


def security_add_email(person: Person) -> None:
    own(person, f"{SECURITY}/add?kind=email")
    person.press("begin")


def security_add_passkey(person: Person) -> None:
    own(person, f"{SECURITY}/add?kind=webauthn")
    person.press("begin")


SECURITY_VIEWS = (
    security_none, security, security_method, security_browsers, security_codes, security_new_codes, security_add,
    security_add_wrong, security_add_totp, security_add_totp_wrong, security_add_email, security_add_passkey,
)  # fmt: skip
