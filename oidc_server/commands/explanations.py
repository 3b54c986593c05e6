"""Why a token is not good, in words: the reason with the instants and names that belong to this token.

Everything that a stranger may have written is quoted, so that it cannot reach into the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.models import AuditEvent
from oidc_server.authorizations.models import Authorization
from oidc_server.clients.service import find_client
from oidc_server.commands.instants import relative, utc
from oidc_server.core.errors import Reason
from oidc_server.core.identity import parse_id
from oidc_server.keys.lifecycle import KeyRecord
from oidc_server.protocol.access_token import AUTHORIZATION_CLAIM, TYP
from oidc_server.sessions.models import Epoch, LoginSession
from oidc_server.users.service import find_user

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Case:
    """What an explanation may look at. Header and claims are as the token says, true or not."""

    session: Session
    now: datetime
    claims: dict[str, Any]
    header: dict[str, Any] = field(default_factory=dict)
    detail: str | None = None
    issuer: str = ""
    keys: Sequence[KeyRecord] = ()

    def text(self, name: str) -> str:
        """A claim as text; empty when it is none."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else ""

    def instant(self, name: str) -> datetime | None:
        """A claim as an instant, when it can be one."""
        return instant_of(self.claims.get(name))

    def authorization(self) -> Authorization | None:
        """The authorization that the token names."""
        identity = parse_id(self.text(AUTHORIZATION_CLAIM))
        return None if identity is None else self.session.get(Authorization, identity)


def instant_of(value: object) -> datetime | None:
    """A NumericDate (RFC 7519 §2) as an instant; None when it is none, or beyond the calendar."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def explain(reason: Reason, case: Case) -> str:
    """Why, with what the case tells beyond the reason's own meaning."""
    explanation = _EXPLANATIONS.get(reason)
    return reason.meaning if explanation is None else explanation(case)


def _malformed(case: Case) -> str:
    return "It is not a JWT: three parts of base64url, the first two of them JSON objects, joined by dots."


def _signature(case: Case) -> str:
    typ, kid = case.header.get("typ"), case.header.get("kid")
    if typ != TYP:
        words = f"Its type is {_quoted(typ)}, and that of an access token is {_quoted(TYP)}."
        looks_like_id_token = case.text("aud") != "" and "client_id" not in case.claims
        return f"{words} It looks like an ID token, which is for the client only." if looks_like_id_token else words
    if not isinstance(kid, str):
        return "Its header names no key."
    record = next((record for record in case.keys if record.kid == kid), None)
    if record is not None and case.header.get("alg") != record.alg:
        return f"It says that it is signed with {_quoted(case.header.get('alg'))}, and its key is for {record.alg}."
    return "The signature is not that of its key over these words: it was altered, or cut, or signed by somebody else."


def _key_unknown(case: Case) -> str:
    issued_by = case.text("iss")
    if issued_by and issued_by != case.issuer:
        return f"Another issuer made it: {_quoted(issued_by)}. This server is {case.issuer}."
    kid = case.header.get("kid")
    record = next((record for record in case.keys if record.kid == kid), None)
    if record is None:
        return f"Its key {_quoted(kid)} is not in the key store: it was pruned, or was never a key of this server."
    if record.revoked_at is not None:
        return f"Its key {record.kid} was revoked {relative(record.revoked_at, case.now)}."
    left = f": it left {relative(record.removed_at, case.now)}" if record.removed_at is not None else ""
    return f"Its key {record.kid} is not in the JWKS{left}."


def _claims_invalid(case: Case) -> str:
    name = case.detail or ""
    if name == "iss":
        return f"Another issuer is named in it: {_quoted(case.claims.get('iss'))}. This server is {case.issuer}."
    instant = case.instant(name)
    if instant is not None and instant > case.now:
        return f"Its claim {name} lies ahead: {relative(instant, case.now)}. The clock of a host is wrong."
    return f"Its claim {name} is missing, or is not of the right type."


def _expired(case: Case) -> str:
    end = case.instant("exp")
    return f"It expired {relative(end, case.now)}." if end else "It has expired."


def _token_revoked(case: Case) -> str:
    cause = cause_of(case.session, Event.ACCESS_TOKEN_REVOKED, case.text("jti"))
    how = "" if cause is None else f" by {cause.actor} {relative(cause.occurred_at, case.now)}"
    return f"This one token was revoked{how}; its authorization, if it has one, goes on."


def _authorization_revoked(case: Case) -> str:
    found = case.authorization()
    if found is None:
        named = _quoted(case.text(AUTHORIZATION_CLAIM))
        return f"Its authorization {named} is gone: it ended long ago, or its client or its user was deleted."
    if found.revoked_at is None:
        login = case.session.get(LoginSession, found.session_id) if found.session_id else None
        when = f" {relative(login.ended_at, case.now)}" if login is not None and login.ended_at is not None else ""
        return f"The session behind its authorization {found.id} ended{when}."
    cause = cause_of(case.session, Event.AUTHORIZATION_REVOKED, str(found.id))
    by = "" if cause is None else f" by {cause.actor}"
    words = f"Its authorization {found.id} was revoked {relative(found.revoked_at, case.now)}{by}"
    return f"{words}. Why: {_meaning(found.revoked_reason)}" if found.revoked_reason else f"{words}."


def _meaning(code: str) -> str:
    reason = next((reason for reason in Reason if reason.value == code), None)
    return f"{code}." if reason is None else f"{code}. {reason.meaning}"


def _epoch_over(case: Case) -> str:
    began = case.session.scalar(select(func.max(Epoch.began_at)))
    when = f" {relative(began, case.now)}" if began is not None else ""
    return f"It was issued before the present epoch, which began{when} by `oidc-server db begin-epoch`."


def _authorization_expired(case: Case) -> str:
    found = case.authorization()
    when = f" {relative(found.expires_at, case.now)}" if found is not None else ""
    return f"Its authorization reached its end{when}; the person has to sign in again."


def _client_unknown(case: Case) -> str:
    return f"Its client {_quoted(case.text('client_id'))} does not exist any more."


def _client_disabled(case: Case) -> str:
    client = find_client(case.session, case.text("client_id"))
    since = f" {relative(client.disabled_at, case.now)}" if client is not None and client.disabled_at else ""
    return f"Its client {_quoted(case.text('client_id'))} was disabled{since}."


def _user_refused(case: Case) -> str:
    user = find_user(case.session, case.text("sub"))
    if user is not None and user.suspended_at is not None:
        return f"Its user {user.id} was suspended {relative(user.suspended_at, case.now)}."
    if user is not None and user.locked_until is not None:
        return f"Its user {user.id} is locked until {utc(user.locked_until)}."
    return f"Its user {_quoted(case.text('sub'))} may not use tokens now."


_EXPLANATIONS: dict[Reason, Callable[[Case], str]] = {
    Reason.TOKEN_MALFORMED: _malformed,
    Reason.TOKEN_SIGNATURE_INVALID: _signature,
    Reason.TOKEN_KEY_UNKNOWN: _key_unknown,
    Reason.TOKEN_CLAIMS_INVALID: _claims_invalid,
    Reason.TOKEN_EXPIRED: _expired,
    Reason.TOKEN_REVOKED: _token_revoked,
    Reason.AUTHORIZATION_REVOKED: _authorization_revoked,
    Reason.EPOCH_OVER: _epoch_over,
    Reason.AUTHORIZATION_EXPIRED: _authorization_expired,
    Reason.CLIENT_UNKNOWN: _client_unknown,
    Reason.CLIENT_DISABLED: _client_disabled,
    Reason.USER_SUSPENDED: _user_refused,
    Reason.USER_LOCKED: _user_refused,
}


def _quoted(value: object) -> str:
    """What a stranger wrote, cut short, in ASCII, so that it cannot reach into the terminal."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


class Cause(NamedTuple):
    """Who caused something, and when."""

    actor: str
    occurred_at: datetime


def cause_of(session: Session, event: Event, subject: str) -> Cause | None:
    """What the audit log tells of the last event of this kind."""
    query = (
        select(AuditEvent.actor_kind, AuditEvent.actor_id, AuditEvent.occurred_at)
        .where(
            AuditEvent.subject_kind == event.subject, AuditEvent.subject_id == subject, AuditEvent.event == event.value
        )
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    return Cause(
        row.actor_kind if row.actor_id is None else f"{row.actor_kind} {_quoted(row.actor_id)}", row.occurred_at
    )
