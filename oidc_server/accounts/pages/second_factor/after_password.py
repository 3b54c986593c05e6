"""What comes after the right password: the session, or where a second factor is owed a login that waits for it."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import ENROL, SECOND_FACTOR
from oidc_server.accounts.pages.browser_login import BrowserLogin
from oidc_server.accounts.pages.destinations import Destination
from oidc_server.accounts.pages.letting_in import let_in
from oidc_server.accounts.pages.second_factor.waiting_login import begin_waiting
from oidc_server.core.database import transaction
from oidc_server.mfa.grace import note_grace
from oidc_server.mfa.policy import Demand, Owed
from oidc_server.mfa.trusted_devices import recognise
from oidc_server.pages import cookies
from oidc_server.pages.rendering import see_other
from oidc_server.protocol.server import current_server
from oidc_server.protocol.waiting_login import end_waiting, forget_waiting
from oidc_server.sessions.assurance import AMR_PASSWORD, AMR_TRUSTED_DEVICE
from oidc_server.users.models import User
from oidc_server.users.sign_in import PasswordProof, user_behind


def go_on_after(destination: Destination, proof: PasswordProof, *, remembered: bool) -> Response:
    """Let the person in, or have them give what they owe first: between the two there is no session. Raises
    ``ProofOutdated``."""
    client_id = None if destination.client is None else destination.client.client_id
    login: BrowserLogin | None = None
    waiting = ""
    with transaction() as session:
        user = user_behind(session, proof)
        trusted = _recognised(session, user)
        amr = [AMR_PASSWORD, *([AMR_TRUSTED_DEVICE] if trusted is not None else [])]
        owed = destination.owed_by(user, amr)
        forget_waiting(session)
        if owed:
            waiting = begin_waiting(session, user, client_id=client_id, remembered=remembered)
        else:
            note_grace(session, user.id, owed)
            login = let_in(session, user, client_id=client_id, amr=amr, remembered=remembered)
    response = see_other(_next_page(destination, owed))
    end_waiting(response, successor=waiting)
    if login is not None:
        login.keep(response)
    if trusted is not None:
        cookies.current_cookies().set(response, cookies.TRUST, trusted, current_server().factors.policy.trust)
    return response


def _recognised(session: Session, user: User) -> str | None:
    """The next secret of this browser, when the person trusts it; whoever has no factor is spared the question."""
    secret = cookies.current_cookies().get(request, cookies.TRUST)
    if secret is None or not user.second_factors:
        return None
    return recognise(session, current_server().factors, user, secret, request.headers.get("User-Agent", ""))


def _next_page(destination: Destination, owed: Demand) -> str:
    """In the grace the person is asked at each sign-in to set a factor up, and may go on without."""
    if owed.owed is Owed.FACTOR:
        return destination.on_the_way(SECOND_FACTOR)
    if owed.owed is Owed.ENROLMENT or owed.due_at is not None:
        return destination.on_the_way(ENROL)
    return destination.leads_to
