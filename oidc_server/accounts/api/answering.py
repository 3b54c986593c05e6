"""What the addresses below ``/users`` have in common: who asks, and how an account is answered."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from flask import Response

from oidc_server.accounts.refusals import AccountGone
from oidc_server.accounts.view import account_by_id
from oidc_server.api.answers import json_answer
from oidc_server.audit.service import Actor
from oidc_server.core import clock
from oidc_server.core.database import current_database
from oidc_server.protocol.access_classes import current_caller


def caller_as_actor() -> Actor:
    """The person who calls, for the audit."""
    return Actor("user", str(current_caller().user_id))


def shown_account(user_id: uuid.UUID, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The account as it is now. Raises :class:`AccountGone`."""
    account = account_by_id(current_database(), user_id, clock.now())
    if account is None:
        raise AccountGone
    return json_answer(account, status, headers)
