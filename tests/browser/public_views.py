"""The pages on the way to an account, and how somebody comes to see them; mails come from the running server."""

from __future__ import annotations

import uuid

from tests.browser.people import Person
from tests.relying_party import PASSWORD, body_of

NEW_PASSWORD = "and some other four words"


def new_address() -> str:
    """An email address that nobody has yet."""
    return f"grace-{uuid.uuid4().hex[:8]}@example.com"


def fill_in_registration(person: Person, email: str, password: str = PASSWORD, name: str = "Ada Lovelace") -> None:
    """Fill in the page on which accounts are made, and send it."""
    person.page.fill("#email", email)
    person.page.fill("#password", password)
    person.page.fill("#full_name", name)
    person.press("continue")


def ask_for_mail(person: Person, path: str, email: str) -> None:
    """Ask for a mail."""
    person.open(path)
    person.page.fill("#email", email)
    person.press("continue")


def new_address_asked_for(person: Person) -> str:
    """The address that the person has asked for by an app of ours, which sent a mail there."""
    http, user, email = person.place.owner.app.test_client(), person.user, new_address()
    tokens = body_of(http.post("/auth/login", json={"email": user.email, "password": user.password}))
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.post("/auth/change-email", json={"email": email}, headers=headers).status_code == 202
    return email


def register(person: Person) -> None:
    person.ask(prompt="create")


def register_wrong(person: Person) -> None:
    person.open("/register")
    fill_in_registration(person, "ada", "password")


def mail_sent(person: Person) -> None:
    person.ask(prompt="create")
    fill_in_registration(person, new_address())


def forgotten(person: Person) -> None:
    person.open("/forgot-password")


def forgotten_wrong(person: Person) -> None:
    ask_for_mail(person, "/forgot-password", "ada")


def confirm_here(person: Person) -> None:
    email = new_address()
    person.open("/register")
    fill_in_registration(person, email)
    person.open(person.place.link(email))


def confirm_elsewhere(person: Person) -> None:
    email = new_address()
    body = {"email": email, "password": PASSWORD}
    assert person.place.owner.app.test_client().post("/auth/register", json=body).status_code == 201
    person.open(person.place.link(email))


def own_password(person: Person) -> None:
    confirm_elsewhere(person)
    with person.page.expect_navigation():
        person.page.click("#new-password")


def confirmed(person: Person) -> None:
    confirm_here(person)
    person.press("continue")


def reset_password(person: Person) -> None:
    ask_for_mail(person, "/forgot-password", person.user.email)
    person.open(person.place.link(person.user.email))


def reset_password_wrong(person: Person) -> None:
    reset_password(person)
    person.page.fill("#password", "password")
    person.press("continue")


def link_refused(person: Person) -> None:
    person.open("/verify-email?token=none")


def change_address(person: Person) -> None:
    email = new_address_asked_for(person)
    person.open(person.place.link(email))
    person.page.fill("#login", person.user.email)
    person.page.fill("#password", person.user.password)
    person.press("continue")


def undo_change(person: Person) -> None:
    before = person.user.email
    change_address(person)
    person.press("continue")
    person.open(person.place.link(before))


PUBLIC_VIEWS = (
    register, register_wrong, mail_sent, forgotten, forgotten_wrong, confirm_here, confirm_elsewhere, own_password,
    confirmed, reset_password, reset_password_wrong, link_refused, change_address, undo_change,
)  # fmt: skip
