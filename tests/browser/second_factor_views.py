"""Every page on the way in that asks for a second factor, or has one set up, and how somebody comes to see it."""

from __future__ import annotations

import uuid

from tests.browser.people import Person
from tests.second_factors import Totp, enrol_email, enrol_totp, recovery_codes, set_policy


def past_password(person: Person) -> Totp:
    """Come from the app and give the password, with an authenticator app and other ways to go on."""
    server = person.place.owner
    totp = enrol_totp(server, person.user)
    enrol_email(server, person.user)
    recovery_codes(server, person.user)
    person.ask()
    person.sign_in()
    return totp


def has_to_enrol(person: Person) -> None:
    """Come from the app and give the password, as somebody who has to have a second factor and has none."""
    set_policy(person.place.owner, user=person.user, level="required")
    person.ask()
    person.sign_in()


def second_factor(person: Person) -> None:
    past_password(person)


def second_factor_wrong(person: Person) -> None:
    person.page.fill("#code", past_password(person).wrong_code())
    person.press("continue")


def second_factor_by_mail(person: Person) -> None:
    past_password(person)
    with person.page.expect_navigation():
        person.page.click("#others a:has-text('@')")


def second_factor_sent(person: Person) -> None:
    second_factor_by_mail(person)
    person.press("send")


def second_factor_sent_too_often(person: Person) -> None:
    second_factor_sent(person)
    person.press("send")


def second_factor_recovery(person: Person) -> None:
    past_password(person)
    with person.page.expect_navigation():
        person.page.click("#others a[href*='method=recovery']")


def enrol(person: Person) -> None:
    has_to_enrol(person)


def enrol_app(person: Person) -> None:
    has_to_enrol(person)
    person.press("enrol-totp")


def enrol_wrong(person: Person) -> None:
    enrol_app(person)
    person.page.fill("#code", "1")
    person.press("confirm")


def enrol_passkey(person: Person) -> None:
    has_to_enrol(person)
    person.press("enrol-webauthn")


def enrol_mail(person: Person) -> None:
    has_to_enrol(person)
    person.press("enrol-email")


def enrol_codes(person: Person) -> None:
    enrol_app(person)
    totp = Totp(uuid.UUID(person.page.input_value("input[name=method]")), person.page.inner_text("#secret"))
    person.page.fill("#code", totp.code())
    person.press("confirm")


SECOND_FACTOR_VIEWS = (
    second_factor, second_factor_wrong, second_factor_by_mail, second_factor_sent, second_factor_sent_too_often,
    second_factor_recovery, enrol, enrol_app, enrol_wrong, enrol_passkey, enrol_mail, enrol_codes,
)  # fmt: skip
