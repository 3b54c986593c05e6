"""``/account/sessions``: where one is signed in, and ending that."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.addresses import ACCOUNT_SESSIONS
from oidc_server.accounts.own_sessions import OwnSession, end_other_sessions, list_sessions
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.names import asked_cursor, split
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.own_pages import SESSIONS
from oidc_server.audit.service import Actor
from oidc_server.authorizations.ending import end_session
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.core.identity import parse_id
from oidc_server.pages import forms
from oidc_server.protocol.server import current_server
from oidc_server.sessions.browser import BrowserSession
from oidc_server.sessions.programs import Program, in_words

SHOWN = 30
OTHERS = "others"


class SessionsForm(forms.PageForm):
    """A button for each session, and one for all others."""


@own_page(SESSIONS, "GET")
def show_own_sessions(login: BrowserSession) -> Response:
    """The list, by pages."""
    with reading() as session:
        found = list_sessions(
            session, current_server(), user_id=login.user_id, current=login.id, limit=SHOWN + 1, after=asked_cursor()
        )
    shown, last = split(found, SHOWN)
    return account_page(
        "account_sessions", login, sessions=[(one, _device(one)) for one in shown], last=last,
        form=forms.show(SessionsForm, _purpose(login)),
    )  # fmt: skip


@own_page(SESSIONS, "POST")
def end_own_sessions(login: BrowserSession) -> Response:
    """End one, or all but this one; what is somebody else's and what is not there are told alike (attack F13)."""
    forms.read(SessionsForm, _purpose(login), request.form)
    wanted, user_id = request.form.get("end", ""), login.user_id
    session_id = parse_id(wanted)
    if wanted != OTHERS and session_id is None:
        raise forms.FormRefused(Reason.MALFORMED_REQUEST, "end")
    with transaction() as session:
        if session_id is None:
            end_other_sessions(session, current_server(), user_id=user_id, current=login.id)
            return done(ACCOUNT_SESSIONS, Notice.OTHERS_ENDED)
        ended = end_session(session, session_id, user_id=user_id, actor=Actor("user", str(user_id)))
        return done(ACCOUNT_SESSIONS, Notice.SESSION_ENDED if ended else Notice.SESSION_GONE)


def _device(one: OwnSession) -> str | None:
    return in_words(Program(one.browser, one.system))


def _purpose(login: BrowserSession) -> str:
    return f"sessions {login.id}"
