"""``/account/security/method``: one second factor: what it is called, whether it is asked for first, and its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from oidc_server.accounts.addresses import ACCOUNT_SECURITY
from oidc_server.accounts.pages.account.factors import ShownMethod, shown_methods, user_of
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.factor_forms import NAME_CHARACTERS, is_name
from oidc_server.accounts.pages.form_fields import TOO_LONG, one_line
from oidc_server.accounts.pages.own_pages import SECURITY_METHOD
from oidc_server.audit.service import Actor
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import note_refusal
from oidc_server.core.identity import parse_id
from oidc_server.mfa.factors import current_second_factors
from oidc_server.mfa.methods import (
    LastMethod,
    MethodUnknown,
    make_first,
    method_of,
    remove_method,
    rename_method,
)
from oidc_server.pages import forms
from oidc_server.pages.languages import gettext, lazy_gettext
from oidc_server.sessions.browser import BrowserSession


class MethodForm(forms.PageForm):
    """What it is called, and a button for each thing that can be done with it."""

    name = StringField(
        lazy_gettext("Name"),
        [
            DataRequired(lazy_gettext("Give it a name.")),
            Length(max=NAME_CHARACTERS, message=TOO_LONG),
            is_name,
        ],
        filters=[one_line],
    )


Change = Callable[[Session, BrowserSession, uuid.UUID, MethodForm], Notice]


@dataclass(frozen=True)
class _Place:
    """A method among those of its owner: the first one is asked for."""

    method: ShownMethod
    is_first: bool
    is_only: bool


@own_page(SECURITY_METHOD, "GET")
def show_method(login: BrowserSession) -> Response:
    """The one that the address names; what is somebody else's and what is not there are told alike."""
    try:
        return _page(login, _find(login))
    except MethodUnknown as refusal:
        return _gone(refusal)


@own_page(SECURITY_METHOD, "POST")
def change_method(login: BrowserSession) -> Response:
    """Rename it, have it asked for first, or remove it."""
    form = forms.read(MethodForm, _purpose(login, _asked_method()), request.form)
    change = _CHANGES.get(request.form.get("do", ""))
    if change is None:
        raise forms.FormRefused(Reason.MALFORMED_REQUEST, "do")
    try:
        return _change(login, _find(login), change, form)
    except MethodUnknown as refusal:
        return _gone(refusal)


def _change(login: BrowserSession, place: _Place, change: Change, form: MethodForm) -> Response:
    if change is _rename and not form.validate():
        return _page(login, place, form, status=422)
    try:
        with transaction() as session:
            notice = change(session, login, place.method.id, form)
    except LastMethod as refusal:  # attack M15
        note_refusal(refusal)
        problem = gettext("You need a second factor here, and this is your last one. Set up another one first.")
        return _page(login, place, status=refusal.status, problem=problem)
    return done(ACCOUNT_SECURITY, notice)


def _rename(session: Session, login: BrowserSession, method_id: uuid.UUID, form: MethodForm) -> Notice:
    rename_method(session, method_of(session, login.user_id, method_id), form.name.data or "")
    return Notice.FACTOR_RENAMED


def _make_first(session: Session, login: BrowserSession, method_id: uuid.UUID, _form: MethodForm) -> Notice:
    make_first(session, method_of(session, login.user_id, method_id))
    return Notice.FACTOR_FIRST


def _remove(session: Session, login: BrowserSession, method_id: uuid.UUID, _form: MethodForm) -> Notice:
    user = user_of(session, login.user_id, locked=True)
    remove_method(
        session, current_second_factors(), user, method_of(session, user.id, method_id),
        actor=Actor("user", str(user.id)),
    )  # fmt: skip
    return Notice.FACTOR_REMOVED


_CHANGES: dict[str, Change] = {"rename": _rename, "first": _make_first, "remove": _remove}


def _asked_method() -> uuid.UUID | None:
    return parse_id(request.args.get("id", ""))


def _find(login: BrowserSession) -> _Place:
    """The method that the address names. Raises ``MethodUnknown``."""
    with reading() as session:
        methods = shown_methods(session, login.user_id)
    asked = _asked_method()
    for place, method in enumerate(methods):
        if method.id == asked:
            return _Place(method, is_first=place == 0, is_only=len(methods) == 1)
    raise MethodUnknown("no such method of this account")


def _gone(refusal: MethodUnknown) -> Response:
    note_refusal(refusal)
    return done(ACCOUNT_SECURITY, Notice.FACTOR_GONE)


def _purpose(login: BrowserSession, method_id: uuid.UUID | None) -> str:
    return f"second factor {method_id} {login.id}"


def _page(
    login: BrowserSession,
    place: _Place,
    form: MethodForm | None = None,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Response:
    form = form or forms.show(MethodForm, _purpose(login, place.method.id), name=place.method.name)
    return account_page(
        "account_security_method", login, status=status, method=place.method, is_first=place.is_first,
        is_only=place.is_only, form=form, problem=problem,
    )  # fmt: skip
