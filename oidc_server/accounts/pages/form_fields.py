"""Fields of forms about accounts, and saying beside them what a service has refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from wtforms import EmailField, Form, PasswordField
from wtforms.validators import InputRequired, Length

from oidc_server.accounts.pages.sign_in import wait_words
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.core.errors import Throttled
from oidc_server.core.http import note_refusal
from oidc_server.pages.languages import LazyText, lazy_gettext

EMAIL_CHARACTERS = 320
PASSWORD_CHARACTERS = 1024  # of what is typed; how long a password may be is for its policy to say
TOO_LONG = lazy_gettext("Enter at most %(max)d characters.")
EMAIL_ADDRESS = lazy_gettext("Email address")
NOT_AN_EMAIL: LazyText = lazy_gettext("Enter an email address, such as ada@example.com.")


def stripped(typed: str | None) -> str | None:
    """What was typed, without the blanks around it; None where that is nothing."""
    return (typed or "").strip() or None


def one_line(typed: str | None) -> str | None:
    """A name as it is kept: in NFC, as the JSON API has it."""
    text = stripped(typed)
    return None if text is None else unicodedata.normalize("NFC", text)


def email_field(label: Any = EMAIL_ADDRESS) -> EmailField:
    """An email address; whether it is one is for the service to say."""
    return EmailField(
        label,
        [InputRequired(lazy_gettext("Enter your email address.")), Length(max=EMAIL_CHARACTERS, message=TOO_LONG)],
        filters=[stripped],
    )


def new_password_field(label: Any) -> PasswordField:
    """A password that is being chosen."""
    return PasswordField(
        label,
        [InputRequired(lazy_gettext("Choose a password.")), Length(max=PASSWORD_CHARACTERS, message=TOO_LONG)],
    )


def say_beside(form: Form, refusal: MembersWrong, words: Mapping[str, LazyText]) -> None:
    """Put what the service has refused beside the fields: in ``words`` where there are some, else in the service's."""
    note_refusal(refusal)
    for name, said in refusal.errors.items():
        form[name].errors = [str(words[name])] if name in words else said


def told_to_wait(refusal: Throttled, page: Callable[[str], Response]) -> Response:
    """The page that ``page`` makes of what is said to whoever has tried too often (RFC 6585 §4)."""
    note_refusal(refusal)
    response = page(wait_words(refusal))
    response.headers["Retry-After"] = str(refusal.retry_after)
    return response
