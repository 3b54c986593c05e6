"""People with passkeys, and what they do with them on the sign-in page."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from oidc_server.core import clock
from oidc_server.core.identity import new_id
from oidc_server.mfa.methods import note_change
from oidc_server.mfa.models import Method
from oidc_server.mfa.webauthn_ceremonies import creation_options, register_credential
from oidc_server.users.models import User
from tests.authenticator import Authenticator
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser
from tests.second_factors import factors_of

SIGN_IN_PAGE = "/sign-in?next=/account"
_OPTIONS = re.compile(r"data-options='([^']*)'")
_ACTION = re.compile(r'data-answer-to="([^"]*)"')


def enrol_passkey(server: Server, user: TestUser, authenticator: Authenticator, **how: Any) -> uuid.UUID:
    """Have a person register a new key of this authenticator; the method. ``how`` it answers is for it to know."""
    factors, now, session_id = factors_of(server), clock.now(), "session of a test"
    with server.database.transaction() as session:
        person = session.get_one(User, user.id)
        method = Method(
            id=new_id(), user_id=user.id, kind="webauthn", name="Key", position=0, created_at=now, confirmed_at=now
        )
        session.add(method)
        session.flush()
        options = creation_options(factors, person, (), bound_to=session_id)
        register_credential(session, factors, method, authenticator.create(options, **how), bound_to=session_id)
        note_change(session, person)
        return method.id


def options_on(visit: Visit) -> dict[str, Any]:
    """What the page has its script ask the browser for."""
    found = _OPTIONS.search(visit.response.text)
    assert found is not None, visit.words
    options: dict[str, Any] = json.loads(found[1])
    return options


def send_passkey(browser: Browser, visit: Visit, credential: str, **typed: str) -> Visit:
    """Send an answer from the sign-in page, as its script does."""
    action = _ACTION.search(visit.response.text)
    assert action is not None, visit.words
    fields = visit.form_with("passkey").fields | {"credential": credential} | typed
    return browser.post(action[1].replace("&amp;", "&"), fields)


def sign_in_by_passkey(browser: Browser, authenticator: Authenticator, visit: Visit | None = None, **how: Any) -> Visit:
    """Sign in at a sign-in page with a passkey; ``how`` it answers is for the authenticator to know."""
    visit = visit or browser.open(SIGN_IN_PAGE)
    return send_passkey(browser, visit, authenticator.get(options_on(visit), **how))
