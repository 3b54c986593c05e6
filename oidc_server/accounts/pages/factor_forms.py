"""The forms by which a second factor is set up."""

from __future__ import annotations

import unicodedata
from typing import Any

from wtforms import HiddenField, StringField, TelField
from wtforms.validators import InputRequired, Length, ValidationError

from oidc_server.accounts.pages.form_fields import TOO_LONG, one_line, stripped
from oidc_server.pages import forms
from oidc_server.pages.languages import gettext, lazy_gettext

NAME_CHARACTERS = 100
_CHARACTERS = 100  # of a code or a number, as it is typed: which of them are good is for the service to say


def is_name(_form: Any, field: Any) -> None:
    """Refuse what no name has: ends of lines, control characters, halves of characters."""
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in field.data or ""):
        raise ValidationError(gettext("There are signs in it that no name has."))


class BeginForm(forms.PageForm):
    """What the person calls it, so that they know it among others."""

    name = StringField(
        lazy_gettext("Name (optional)"), [Length(max=NAME_CHARACTERS, message=TOO_LONG), is_name], filters=[one_line]
    )


class BeginSmsForm(BeginForm):
    """And where the codes go. Whether that is a number to which any are sent is for the service to say."""

    phone_number = TelField(
        lazy_gettext("Phone number"),
        [InputRequired(lazy_gettext("Enter your phone number.")), Length(max=_CHARACTERS, message=TOO_LONG)],
        filters=[stripped],
    )


class CodeForm(forms.PageForm):
    """A code that an app shows, or that was sent."""

    code = StringField(
        lazy_gettext("Code"),
        [InputRequired(lazy_gettext("Enter the code.")), Length(max=_CHARACTERS, message=TOO_LONG)],
    )


class CredentialForm(forms.PageForm):
    """What an authenticator has answered, put there by the page's script."""

    credential = HiddenField()
