"""Making what a person has begun surer by a second factor that they have just given (RFC 9470)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization
from oidc_server.core import clock
from oidc_server.mfa.kinds import amr_with
from oidc_server.sessions.assurance import AMR_PASSWORD, acr_of
from oidc_server.sessions.models import LoginSession


def stepped_up(amr: Sequence[str], factor: Sequence[str]) -> list[str]:
    """The ``amr`` of a sign-in by ``amr`` in which now a factor was given. It takes the place of one that was given
    before, also of a passkey that was the whole sign-in: the time of the sign-in is now that of this factor, and a
    passkey of last week does not make a code of now as sure as it was (attack M26)."""
    return amr_with([AMR_PASSWORD] if AMR_PASSWORD in amr else [], factor)


def step_up(session: Session, authorization_id: uuid.UUID, *, user_id: uuid.UUID, factor: Sequence[str]) -> None:
    """Note that the person gave a factor to the app of this authorization, which is surer by it from now on; so is the
    session, when it is one of tokens only.

    A browser's session stays as it is: it would have to be given a new secret with what it is worth (attack F01), and
    the browser is not here."""
    authorization = session.get(Authorization, authorization_id, with_for_update=True)
    if authorization is None:  # the account was erased at this moment
        return
    amr = stepped_up(authorization.amr or [AMR_PASSWORD], factor)
    _raise(authorization, amr)
    login = None
    if authorization.session_id is not None:
        login = session.get(LoginSession, authorization.session_id, with_for_update=True)
    if login is not None and login.secret_digest is None:
        _raise(login, stepped_up(login.amr, factor))
    session.flush()
    record(
        session, Event.MFA_STEPPED_UP, actor=Actor("user", str(user_id)), subject=str(user_id),
        client_id=authorization.client_id, user_id=user_id,
        detail={"sid": str(authorization.session_id), "factor": list(factor)},
    )  # fmt: skip


def _raise(row: Authorization | LoginSession, amr: list[str]) -> None:
    row.auth_time, row.amr, row.acr = clock.now(), amr, acr_of(amr)
