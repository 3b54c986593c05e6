"""``/account/close``: giving the account up, and until when it can be had back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from flask import Response, request

from oidc_server.accounts.addresses import ACCOUNT, ACCOUNT_CLOSED
from oidc_server.accounts.closing import close_account, would_be_erased_at
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.accounts.pages.own_pages import CLOSE
from oidc_server.audit.service import Actor
from oidc_server.core.database import reading, transaction
from oidc_server.pages import cookies, forms
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import render, see_other
from oidc_server.protocol.server import current_server
from oidc_server.sessions.browser import BrowserSession

_KEPT_FOR = timedelta(minutes=10)
_CLOSED = re.compile(r"closed\.([0-9]{10,11})")


class CloseForm(forms.PageForm):
    """One button."""


@own_page(CLOSE, "GET")
def show_closing(login: BrowserSession) -> Response:
    """What closing means, and the button."""
    with reading() as session:
        erase_at = would_be_erased_at(session, login.user_id, grace=_grace())
    return account_page("account_close", login, erase_at=erase_at, form=forms.show(CloseForm, _purpose(login)))


@own_page(CLOSE, "POST")
def close_own_account(login: BrowserSession) -> Response:
    """Close it: everything ends, and signing in until it is erased takes that back."""
    forms.read(CloseForm, _purpose(login), request.form)
    actor = Actor("user", str(login.user_id))
    with transaction() as session:
        erase_at = close_account(session, login.user_id, actor=actor, grace=_grace())
    response, jar = see_other(address(ACCOUNT_CLOSED)), cookies.current_cookies()
    jar.end(response, cookies.SESSION)
    jar.set(response, cookies.NOTICE, f"closed.{int(erase_at.timestamp())}", _KEPT_FOR)
    return response


@accounts.get(ACCOUNT_CLOSED)
def account_closed() -> Response:
    """Until when it can be had back, for the browser in which it was closed just now."""
    kept = _CLOSED.fullmatch(cookies.current_cookies().get(request, cookies.NOTICE) or "")
    if kept is None:
        return see_other(address(ACCOUNT))
    return render("accounts/account_closed.html", erase_at=datetime.fromtimestamp(int(kept[1]), UTC))


def _grace() -> timedelta:
    return timedelta(days=current_server().settings.closing_grace_days)


def _purpose(login: BrowserSession) -> str:
    return f"close {login.id}"
