"""``/account/profile``: what a person tells of themselves, and apps may learn when they are allowed to."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from flask import Response, request
from wtforms import StringField, TextAreaField

from oidc_server.accounts.addresses import ACCOUNT_PROFILE
from oidc_server.accounts.editing import change_account
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.own_pages import PROFILE
from oidc_server.accounts.refusals import AccountGone, MembersWrong, NameTaken
from oidc_server.accounts.view import account_by_id
from oidc_server.audit.service import Actor
from oidc_server.core import clock
from oidc_server.core.database import current_database, transaction
from oidc_server.core.http import note_refusal
from oidc_server.pages import forms
from oidc_server.pages.languages import gettext, lazy_gettext
from oidc_server.sessions.browser import BrowserSession

ADDRESS = "address_"  # the members of the postal address, in the names of the fields


class ProfileForm(forms.PageForm):
    """Every member of a profile that is for the person to say; an empty field says nothing."""

    full_name = StringField(lazy_gettext("Name"))
    username = StringField(lazy_gettext("Username"))
    given_name = StringField(lazy_gettext("First name"))
    middle_name = StringField(lazy_gettext("Middle name"))
    family_name = StringField(lazy_gettext("Last name"))
    nickname = StringField(lazy_gettext("Nickname"))
    bio = TextAreaField(lazy_gettext("A few lines about you"))
    gender = StringField(lazy_gettext("Gender"))
    birthdate = StringField(lazy_gettext("Birthday"))
    phone_number = StringField(lazy_gettext("Phone number"))
    locale = StringField(lazy_gettext("Language"))
    zoneinfo = StringField(lazy_gettext("Time zone"))
    website = StringField(lazy_gettext("Website"))
    profile = StringField(lazy_gettext("Profile page"))
    picture = StringField(lazy_gettext("Picture"))
    address_street_address = TextAreaField(lazy_gettext("Street and number"))
    address_postal_code = StringField(lazy_gettext("Postal code"))
    address_locality = StringField(lazy_gettext("Town"))
    address_region = StringField(lazy_gettext("Region"))
    address_country = StringField(lazy_gettext("Country"))
    address_formatted = TextAreaField(lazy_gettext("The whole address, as on a letter"))


HINTS = {
    "username": lazy_gettext("You can sign in with it. Apps may see it."),
    "birthdate": lazy_gettext("Year, month and day, such as 1990-12-31; or the year alone."),
    "phone_number": lazy_gettext("With + and the country code, such as +442079460123."),
    "locale": lazy_gettext("A language tag, such as en-GB."),
    "zoneinfo": lazy_gettext("Such as Europe/Berlin."),
    "website": lazy_gettext("An address that begins with https:// or http://."),
    "profile": lazy_gettext("An address that begins with https:// or http://."),
    "picture": lazy_gettext("An address that begins with https:// or http://."),
}
GROUPS = (
    (lazy_gettext("Your names"), ("full_name", "username", "given_name", "middle_name", "family_name", "nickname")),
    (lazy_gettext("About you"), ("bio", "gender", "birthdate", "phone_number", "locale", "zoneinfo")),
    (lazy_gettext("On the web"), ("website", "profile", "picture")),
    (
        lazy_gettext("Postal address"),
        (
            "address_street_address", "address_postal_code", "address_locality", "address_region", "address_country",
            "address_formatted",
        ),
    ),
)  # fmt: skip
_MEMBERS = frozenset(name for _, names in GROUPS for name in names)
# What browsers fill in by themselves (HTML, "Autofill"; WCAG 2.2 §1.3.5).
AUTOCOMPLETE = {
    "full_name": "name", "username": "username", "given_name": "given-name", "middle_name": "additional-name",
    "family_name": "family-name", "nickname": "nickname", "gender": "sex", "birthdate": "bday", "phone_number": "tel",
    "locale": "language", "website": "url", "picture": "photo", "address_street_address": "street-address",
    "address_postal_code": "postal-code", "address_locality": "address-level2", "address_region": "address-level1",
    "address_country": "country-name",
}  # fmt: skip


@own_page(PROFILE, "GET")
def show_profile(login: BrowserSession) -> Response:
    """The form, with what is told so far."""
    return _page(login, forms.show(ProfileForm, _purpose(login), **_told(login)))


@own_page(PROFILE, "POST")
def save_profile(login: BrowserSession) -> Response:
    """Keep what was changed; an account whose profile is sent as it was is not touched."""
    form = forms.read(ProfileForm, _purpose(login), request.form)
    changes = _changes(_told(login), {field.name: field.data or "" for field in form if field.name in _MEMBERS})
    try:
        with transaction() as session:
            change_account(session, login.user_id, changes, actor=Actor("user", str(login.user_id)))
    except MembersWrong as refusal:
        note_refusal(refusal)
        for name in _flat(refusal.errors):
            form[name].errors = [_wrong(name)]
        return _page(login, form, status=422)
    except NameTaken as refusal:
        note_refusal(refusal)
        form.username.errors = [gettext("Somebody has this username already. Choose another.")]
        return _page(login, form, status=409)
    return done(ACCOUNT_PROFILE, Notice.PROFILE_SAVED)


def _told(login: BrowserSession) -> dict[str, str]:
    """What the account tells now, by the names of the fields."""
    account = account_by_id(current_database(), login.user_id, clock.now())
    if account is None:
        raise AccountGone
    profile = dict(account["profile"])
    address: dict[str, str] = profile.pop("address", {})
    told = {"full_name": account["full_name"], "username": account["username"], **profile}
    told |= {f"{ADDRESS}{name}": text for name, text in address.items()}
    return {name: text for name, text in told.items() if isinstance(text, str)}


def _clean(name: str, text: str) -> str | None:
    """A text in the form in which the JSON API keeps it; None is nothing. Browsers send lines that end in CR and LF.

    A name to sign in with stays as it was typed: look-alike characters in it are refused, not made others."""
    text = text.replace("\r\n", "\n").strip()
    return (text if name == "username" else unicodedata.normalize("NFC", text)) or None


def _changes(told: dict[str, str], typed: dict[str, str]) -> dict[str, Any]:
    """What differs, as ``change_account`` takes it."""
    wanted = {name: _clean(name, text) for name, text in typed.items()}
    changed = {name: value for name, value in wanted.items() if value != _clean(name, told.get(name, ""))}
    changes: dict[str, Any] = {name: changed.pop(name) for name in ("full_name", "username") if name in changed}
    address = {name: changed.pop(name) for name in list(changed) if name.startswith(ADDRESS)}
    profile: dict[str, Any] = dict(changed)
    if address:
        profile["address"] = {name.removeprefix(ADDRESS): value for name, value in address.items()}
    return changes | ({"profile": profile} if profile else {})


def _flat(errors: Any) -> Iterator[str]:
    """The names of the fields that are wrong."""
    profile = dict(errors.get("profile", {}))
    yield from (name for name in errors if name != "profile")
    yield from (f"{ADDRESS}{name}" for name in profile.pop("address", {}))
    yield from profile


def _wrong(name: str) -> str:
    """What to do about it: the form that it has to have, or what no text may be."""
    if name == "username":
        return gettext("A username has 1 to 64 letters, digits, dots, hyphens, underscores or plus signs.")
    if name in HINTS:
        return str(HINTS[name])
    return gettext("This is too long, or has characters that cannot be shown.")


def _purpose(login: BrowserSession) -> str:
    return f"profile {login.id}"


def _page(login: BrowserSession, form: ProfileForm, *, status: int = 200) -> Response:
    return account_page(
        "account_profile", login, status=status, form=form, hints=HINTS, autocomplete=AUTOCOMPLETE, groups=GROUPS
    )
