"""``/account/security/browsers``: the browsers in which no second factor is asked for, and ending that."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.addresses import ACCOUNT_SECURITY_BROWSERS
from oidc_server.accounts.pages.account.factors import shown_browsers
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.own_pages import SECURITY_BROWSERS
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.core.identity import parse_id
from oidc_server.mfa.trusted_devices import end_trusted
from oidc_server.pages import forms
from oidc_server.sessions.browser import BrowserSession

ALL = "all"


class BrowsersForm(forms.PageForm):
    """A button for each browser, and one for all."""


@own_page(SECURITY_BROWSERS, "GET")
def show_trusted_browsers(login: BrowserSession) -> Response:
    """The list."""
    with reading() as session:
        browsers = shown_browsers(session, login.user_id)
    return account_page(
        "account_security_browsers", login, browsers=browsers, form=forms.show(BrowsersForm, _purpose(login))
    )


@own_page(SECURITY_BROWSERS, "POST")
def forget_trusted_browsers(login: BrowserSession) -> Response:
    """Forget one, or all; one that is not there any more is forgotten already."""
    forms.read(BrowsersForm, _purpose(login), request.form)
    wanted = request.form.get("forget", "")
    device_id = parse_id(wanted)
    if wanted != ALL and device_id is None:
        raise forms.FormRefused(Reason.MALFORMED_REQUEST, "forget")
    with transaction() as session:
        end_trusted(session, login.user_id, device_id)
    return done(ACCOUNT_SECURITY_BROWSERS, Notice.BROWSERS_FORGOTTEN if device_id is None else Notice.BROWSER_FORGOTTEN)


def _purpose(login: BrowserSession) -> str:
    return f"trusted browsers {login.id}"
