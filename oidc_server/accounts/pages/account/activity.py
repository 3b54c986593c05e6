"""``/account/activity``: what happened to the account, the newest first."""

from __future__ import annotations

from flask import Response

from oidc_server.accounts.activity import activity_of, events_about
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.names import asked_cursor, client_name, split
from oidc_server.accounts.pages.own_pages import ACTIVITY
from oidc_server.core.database import reading
from oidc_server.pages.languages import lazy_gettext
from oidc_server.sessions.browser import BrowserSession

SHOWN = 25
# Who did it; nothing is said where it was the person.
_BY = {
    "somebody": lazy_gettext("by somebody who was not signed in"),
    "admin": lazy_gettext("by an admin"),
    "operator": lazy_gettext("by the people who run this service"),
    "app": lazy_gettext("by an app"),
    "system": lazy_gettext("by this service"),
}


@own_page(ACTIVITY, "GET")
def show_own_activity(login: BrowserSession) -> Response:
    """A page of it."""
    with reading() as session:
        found = events_about(session, login.user_id, limit=SHOWN + 1, before=asked_cursor())
    rows, last = split(found, SHOWN)
    events = [activity_of(event, client_name, for_admin=False) for event in rows]
    return account_page(
        "account_activity", login, events=[(event, _BY.get(event["actor"])) for event in events], last=last
    )
