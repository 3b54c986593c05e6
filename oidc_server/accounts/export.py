"""Everything that is held about a person, for them to take along (GDPR Art. 15 and 20): each table that knows users is
in here, without secrets and without what only this server can make sense of."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from oidc_server.accounts.refusals import AccountGone
from oidc_server.accounts.view import account_of, accounts_query
from oidc_server.audit.catalogue import Event
from oidc_server.audit.models import AuditEvent
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization, Consent
from oidc_server.clients.models import Client
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.messages.models import Message
from oidc_server.mfa.models import Method, PendingLogin, RecoveryCode, TrustedDevice
from oidc_server.sessions.models import LoginSession
from oidc_server.users.links import Purpose
from oidc_server.users.models import Link, Preferences, User

MOST = 5000  # rows of a list, the newest ones: more would not fit into the memory of a busy process

# By the member of the document: what is told of each row, the newest first.
LISTS: dict[str, tuple[InstrumentedAttribute[Any], ...]] = {
    "sessions": (
        LoginSession.id, LoginSession.created_at, LoginSession.auth_time, LoginSession.amr, LoginSession.acr,
        LoginSession.user_agent, LoginSession.address, LoginSession.device_name, LoginSession.remembered,
        LoginSession.last_seen_at, LoginSession.expires_at, LoginSession.ended_at,
    ),
    "authorizations": (
        Authorization.id, Authorization.client_id, Authorization.session_id, Authorization.scope,
        Authorization.resource, Authorization.claims, Authorization.offline, Authorization.auth_time,
        Authorization.amr, Authorization.acr, Authorization.created_at, Authorization.expires_at,
        Authorization.revoked_at, Authorization.revoked_reason,
    ),
    "consents": (Consent.client_id, Consent.scope, Consent.claims, Consent.granted_at),
    "events": (
        AuditEvent.id, AuditEvent.occurred_at, AuditEvent.event, AuditEvent.client_id, AuditEvent.address,
        AuditEvent.actor_id, AuditEvent.detail,
    ),
    "links": (
        Link.id, Link.purpose, Link.email, Link.created_at, Link.expires_at, Link.used_at, Link.cancelled_at,
    ),
    "second_factors": (
        Method.id, Method.kind, Method.name, Method.position, Method.phone_number, Method.created_at,
        Method.confirmed_at, Method.expires_at, Method.last_used_at,
    ),
    "recovery_codes": (RecoveryCode.id, RecoveryCode.created_at, RecoveryCode.used_at),
    "sign_ins_begun": (
        PendingLogin.id, PendingLogin.channel, PendingLogin.client_id, PendingLogin.request, PendingLogin.amr,
        PendingLogin.created_at, PendingLogin.expires_at, PendingLogin.used_at,
    ),
    "trusted_browsers": (
        TrustedDevice.id, TrustedDevice.user_agent, TrustedDevice.created_at, TrustedDevice.last_used_at,
        TrustedDevice.replaced_at, TrustedDevice.expires_at,
    ),
    "messages": (
        Message.id, Message.kind, Message.channel, Message.recipient, Message.language, Message.parameters,
        Message.created_at,
    ),
}  # fmt: skip
# What became of a mail to an address that the person does not have yet would tell whether somebody else has it (attack
# G17): so nothing is told of what became of any mail, nor of a link to such an address until it was followed.
_TOLD: dict[str, ColumnElement[bool]] = {
    "links": or_(Link.purpose != Purpose.CHANGE_EMAIL.value, Link.used_at.is_not(None))
}
# The tables that are told of otherwise: as the account, its profile, and its preferences.
TOLD_IN_ACCOUNT = frozenset({"users", "profiles", "closures", "preferences"})
# By what the lists are ordered that are not by when their rows were made.
_ORDER: dict[str, InstrumentedAttribute[Any]] = {"events": AuditEvent.id, "consents": Consent.granted_at}


def export_account(user_id: uuid.UUID) -> dict[str, Any]:
    """The document. A list of which only the newest are told is named in ``shortened``. Raises ``AccountGone``.

    That it is given out is recorded first, in a transaction of its own: the many rows are read outside of any."""
    with transaction() as session:
        if session.get(User, user_id) is None:
            raise AccountGone
        actor = Actor("user", str(user_id))
        record(session, Event.USER_EXPORTED, actor=actor, subject=str(user_id), user_id=user_id)
    with reading() as session:
        return _document(session, user_id)


def _document(session: Session, user_id: uuid.UUID) -> dict[str, Any]:
    now = clock.now()
    row = session.execute(accounts_query().where(User.id == user_id)).one_or_none()
    if row is None:
        raise AccountGone
    preferences = session.get(Preferences, user_id)
    lists = {name: _rows(session.execute(_newest(name, columns, user_id))) for name, columns in LISTS.items()}
    for event in lists["events"]:
        # Where an admin or an app was, when they did something to the account, is theirs and not the person's.
        if event.pop("actor_id") not in {None, str(user_id)}:
            event["address"] = None
    return {
        "exported_at": now,
        "account": account_of(row, now),
        **_further(session, user_id),
        "preferences": {} if preferences is None else preferences.values,
        **{name: rows[:MOST] for name, rows in lists.items()},
        "apps": _names(session, lists),
        "shortened": [name for name, rows in lists.items() if len(rows) > MOST],
    }


def _further(session: Session, user_id: uuid.UUID) -> dict[str, Any]:
    """What the account does not show elsewhere."""
    columns = (
        User.email_verified_at, User.password_changed_at, User.superuser_since, User.second_factors_changed_at,
        User.second_factor_due_at, User.second_factor_forced_at, User.password_set_by_mail_at, User.mfa_policy,
    )  # fmt: skip
    return dict(session.execute(select(*columns).where(User.id == user_id)).one()._mapping)


def _newest(name: str, columns: tuple[InstrumentedAttribute[Any], ...], user_id: uuid.UUID) -> Select[Any]:
    model = columns[0].class_
    order: InstrumentedAttribute[Any] = _ORDER.get(name) or model.created_at
    told = _TOLD.get(name, true())
    return select(*columns).where(model.user_id == user_id, told).order_by(order.desc()).limit(MOST + 1)


def _rows(found: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in found]


def _names(session: Session, lists: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """What the apps in the lists are called, by their ids."""
    of_apps = ("authorizations", "consents", "sign_ins_begun")
    ids = {row["client_id"] for name in of_apps for row in lists[name] if row["client_id"] is not None}
    named = session.execute(select(Client.client_id, Client.client_name).where(Client.client_id.in_(ids)))
    return {row.client_id: row.client_name for row in named}
