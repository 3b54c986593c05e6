"""Back to the sign-in page: because the login that waited is over, or because somebody else wants to sign in."""

from __future__ import annotations

from flask import Response

from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.blueprint import SIGN_IN
from oidc_server.accounts.pages.second_factor.visitor import Visitor
from oidc_server.core.database import transaction
from oidc_server.pages.rendering import see_other
from oidc_server.protocol.waiting_login import end_waiting, forget_waiting, waiting_secret

OTHER = "other"


def over(visitor: Visitor) -> Response:
    """The login of this browser waits no more, or the session ended."""
    response = done(SIGN_IN, Notice.SIGN_IN_OVER, **visitor.destination.named)
    end_waiting(response)
    return response


def begin_again(visitor: Visitor) -> Response:
    """Another account, or the same once more: what was proven until here is worth nothing any more (attack F10)."""
    with transaction() as session:
        forget_waiting(session)
    response = see_other(visitor.destination.on_the_way(SIGN_IN))
    end_waiting(response)
    return response


def lead_to(visitor: Visitor, elsewhere: str | None) -> Response:
    """Send a visitor on who does not belong on this page."""
    if visitor.known is None and waiting_secret() is not None:
        return over(visitor)
    return see_other(elsewhere or visitor.destination.leads_to)
