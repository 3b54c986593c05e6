"""``/account``: how the account stands, and the way to its parts."""

from __future__ import annotations

from flask import Response

from oidc_server.accounts.dashboard import dashboard_of
from oidc_server.accounts.pages.account.factors import allowed_kinds
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.names import client_name
from oidc_server.accounts.pages.own_pages import OVERVIEW
from oidc_server.accounts.refusals import AccountGone
from oidc_server.core.database import reading
from oidc_server.protocol.server import current_server
from oidc_server.sessions.browser import BrowserSession


@own_page(OVERVIEW, "GET")
def show_account(login: BrowserSession) -> Response:
    """Who one is here, and how safe that is."""
    with reading() as session:
        found = dashboard_of(
            session, current_server(), login.user_id, current=login.id, client_name=client_name, for_admin=False
        )
    if found is None:
        raise AccountGone
    return account_page(
        "account", login, person=found["account"], security=found["security"],
        is_guarded=bool(login.second_factors and allowed_kinds(login)),
    )  # fmt: skip
