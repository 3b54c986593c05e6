"""``/account/security``: the second factors of the account in the order in which they are asked for, the recovery codes
that are left, and the browsers that are trusted. Here they are only shown: what changes them asks for more."""

from __future__ import annotations

from flask import Response

from oidc_server.accounts.pages.account.factors import allowed_kinds, shown_browsers, shown_methods
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.own_pages import SECURITY
from oidc_server.core.database import reading
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.sessions.browser import BrowserSession


@own_page(SECURITY, "GET")
def show_security(login: BrowserSession) -> Response:
    """How well the account is guarded."""
    with reading() as session:
        methods = shown_methods(session, login.user_id)
        browsers = shown_browsers(session, login.user_id)
        codes_left = count_left(session, login.user_id)
    return account_page(
        "account_security", login, methods=methods, browsers=browsers, codes_left=codes_left,
        can_add=bool(allowed_kinds(login)),
    )  # fmt: skip
