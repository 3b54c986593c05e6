"""``/account/security/recovery-codes``: how many are left, and new ones, which are shown once (OWASP ASVS 6.5.2)."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request

from oidc_server.accounts.pages.account.factors import user_of
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.own_pages import SECURITY_CODES
from oidc_server.audit.service import Actor
from oidc_server.core.database import reading, transaction
from oidc_server.mfa.factors import current_second_factors
from oidc_server.mfa.recovery_codes import count_left, make_codes, store_codes
from oidc_server.pages import forms
from oidc_server.sessions.browser import BrowserSession


class CodesForm(forms.PageForm):
    """One button."""


@own_page(SECURITY_CODES, "GET")
def show_recovery_codes(login: BrowserSession) -> Response:
    """How many are left, and the button; who has no second factor needs none."""
    return _page(login)


@own_page(SECURITY_CODES, "POST")
def make_recovery_codes(login: BrowserSession) -> Response:
    """Make new ones. Those before are void."""
    forms.read(CodesForm, _purpose(login), request.form)
    if not login.second_factors:
        return _page(login, status=409)
    new = make_codes(current_second_factors().passwords)
    with transaction() as session:
        store_codes(session, user_of(session, login.user_id, locked=True), new, Actor("user", str(login.user_id)))
    return new_codes_page(login, new.codes)


def new_codes_page(login: BrowserSession, codes: Sequence[str], *, added: bool = False) -> Response:
    """The codes, for this once; ``added`` says that they came with the first second factor."""
    return account_page("account_security_new_codes", login, codes=codes, added=added)


def _page(login: BrowserSession, *, status: int = 200) -> Response:
    with reading() as session:
        left = count_left(session, login.user_id)
    return account_page(
        "account_security_codes", login, status=status, left=left, has_factor=bool(login.second_factors),
        form=forms.show(CodesForm, _purpose(login)),
    )  # fmt: skip


def _purpose(login: BrowserSession) -> str:
    return f"recovery codes {login.id}"
