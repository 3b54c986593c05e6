"""Codes of six digits that are sent by mail or SMS: each for one method and one thing, for ten minutes, once.

A code is derived from its row and a key of the server, so that it stands nowhere: neither the table of codes nor that
of messages tells it to whoever reads the database."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, CursorResult, Select, or_, select, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock, crypto
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import MAIL, SMS, enqueue
from oidc_server.mfa.digits import six_digits
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown
from oidc_server.mfa.models import Method, SentCode
from oidc_server.mfa.phone_numbers import parse_number
from oidc_server.mfa.proof import FactorWrong
from oidc_server.mfa.sending_limits import Sending, admit_sending
from oidc_server.users.models import User

LIFETIME = timedelta(minutes=10)
SENT_CODE = "sent_code"  # the parameter of the message that names the row
_DIGITS = 6


class CodeToSend(NamedTuple):
    """A code in clear, for the message that tells it; ``recipient`` is the address or number as it is written to."""

    code: str
    recipient: str
    expires_at: datetime


def send_code(
    factors: SecondFactors, user_id: uuid.UUID, method_id: uuid.UUID, *, bound_to: str, address: str
) -> uuid.UUID:
    """Have a code sent to a person's own address or number, as it is when this is committed; those that were sent to
    the method before are void. The id of the code, which says nothing about it.

    It opens its own transaction. Raises ``MethodUnknown``, ``PhoneNumberRefused`` when messages are not sent to that
    country any more, and ``Throttled``."""
    with factors.database.reading() as session:
        method, user = _read(session, user_id, method_id)
    by_sms = method.kind == FactorKind.SMS
    sent_to = destination(method, user)
    if by_sms:
        parse_number(sent_to, factors.settings.sms_countries)
    is_confirmed = method.confirmed_at is not None
    admit_sending(factors.limits, Sending(user_id, sent_to, by_sms, is_confirmed, address))
    with factors.database.transaction() as session:
        # The lock on the method closes the race of two that are sent at once: only the later one is good.
        method, user = _read(session, user_id, method_id, locked=True)
        if destination(method, user) != sent_to:
            raise MethodUnknown("its address or number was replaced at this moment")
        code_id = _write(session, method, sent_to=sent_to, bound_to=bound_to)
        enqueue(
            session, kind=Kind.MFA_CODE_BY_SMS if by_sms else Kind.MFA_CODE, user_id=user_id,
            channel=SMS if by_sms else MAIL, parameters={SENT_CODE: str(code_id), "address": address},
        )  # fmt: skip
        record(
            session, Event.MFA_CODE_SENT, actor=Actor("user", str(user_id)), subject=str(user_id), user_id=user_id,
            detail={"kind": method.kind, "method_id": str(method_id)},
        )  # fmt: skip
        return code_id


def redeem_sent_code(
    session: Session, factors: SecondFactors, method: Method, user: User, code: str, *, bound_to: str
) -> None:
    """Use up the code that was last sent to a method; ``code`` is what was typed.

    It has to be for the same thing, to the address or number of now, and no older than ten minutes (attacks M11, M27).
    The conditional write closes the race of many that give one code at once. Raises :class:`FactorWrong`."""
    digits, sent, now = six_digits(code), _newest(session, method.id), clock.now()
    if digits is None or sent is None:
        raise FactorWrong("not six digits" if digits is None else "no code is waited for")
    if not any(crypto.same(digits.encode(), _code_of(key, sent).encode()) for key in factors.code_keys):
        raise FactorWrong("wrong code")
    if sent.bound_to != bound_to:
        raise FactorWrong("the code is for something else")
    if sent.sent_to != destination(method, user):
        raise FactorWrong("the address or number was replaced since")
    if sent.expires_at <= now:
        raise FactorWrong("the code has expired")
    using = update(SentCode).where(SentCode.id == sent.id, *_UNUSED).values(used_at=now)
    if cast("CursorResult[object]", session.execute(using)).rowcount != 1:
        raise FactorWrong("the code was used")


def code_to_send(session: Session, factors: SecondFactors, code_id: uuid.UUID) -> CodeToSend | None:
    """What a message has to tell; None when the code would not be good any more, or would go to where the person is
    not any more."""
    sent = session.get(SentCode, code_id)
    if sent is None or sent.used_at or sent.cancelled_at or sent.expires_at <= clock.now():
        return None
    method, user = session.execute(_with_user(Method.id == sent.method_id)).one()
    if destination(method, user) != sent.sent_to:
        return None
    recipient = user.email if method.kind == FactorKind.EMAIL else sent.sent_to
    return CodeToSend(_code_of(factors.code_keys[0], sent), recipient, sent.expires_at)


def destination(method: Method, user: User) -> str:
    """To what codes for a method are sent now, in the form in which it is compared: the normal form of the account's
    address, or the method's number. Raises ``MethodUnknown`` for kinds for which none are sent."""
    if method.kind == FactorKind.EMAIL:
        return user.email_key
    if method.kind == FactorKind.SMS and method.phone_number is not None:
        return method.phone_number
    raise MethodUnknown("no codes are sent for it")


def mask(method: Method, user: User) -> str:
    """To what codes are sent, as it is shown to who has given the password only: enough for its owner to know it by.
    Nothing for kinds for which none are sent."""
    if method.kind == FactorKind.EMAIL:
        local, _, domain = user.email.rpartition("@")
        return f"{local[: len(local) > 1]}•••@{domain}"
    if method.kind == FactorKind.SMS and method.phone_number is not None:
        return f"••• {method.phone_number[-2:]}"
    return ""


_UNUSED = (SentCode.used_at.is_(None), SentCode.cancelled_at.is_(None))


def _with_user(*conditions: ColumnElement[bool]) -> Select[Method, User]:
    return select(Method, User).join(User, User.id == Method.user_id).where(*conditions)


def _read(session: Session, user_id: uuid.UUID, method_id: uuid.UUID, *, locked: bool = False) -> tuple[Method, User]:
    """A method that is in use, or being set up, and its owner. Raises ``MethodUnknown``."""
    still = or_(Method.confirmed_at.is_not(None), Method.expires_at > clock.now())
    query = _with_user(Method.id == method_id, Method.user_id == user_id, still)
    found = session.execute(query.with_for_update(of=Method) if locked else query).one_or_none()
    if found is None:
        raise MethodUnknown("no such method of this account")
    method, user = found
    return method, user


def _write(session: Session, method: Method, *, sent_to: str, bound_to: str) -> uuid.UUID:
    now = clock.now()
    session.execute(update(SentCode).where(SentCode.method_id == method.id, *_UNUSED).values(cancelled_at=now))
    sent = SentCode(method_id=method.id, bound_to=bound_to, sent_to=sent_to, created_at=now, expires_at=now + LIFETIME)
    session.add(sent)
    session.flush()
    return sent.id


def _newest(session: Session, method_id: uuid.UUID) -> SentCode | None:
    query = select(SentCode).where(SentCode.method_id == method_id, *_UNUSED)
    return session.scalars(query.order_by(SentCode.id.desc()).limit(1)).first()


def _code_of(key: bytes, sent: SentCode) -> str:
    """The code of a row. All that it is good for goes into it: a row that was altered has another one, which nobody was
    told."""
    facts = json.dumps([str(sent.id), str(sent.method_id), sent.bound_to, sent.sent_to])
    number = int.from_bytes(crypto.keyed_digest(key, facts)) % 10**_DIGITS
    return f"{number:0{_DIGITS}}"
