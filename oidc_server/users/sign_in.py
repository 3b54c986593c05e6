"""Checking a password: counted before it is checked, hashed outside of any transaction, told alike whatever failed."""

import uuid
from dataclasses import dataclass

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason, Refusal, Throttled
from oidc_server.core.limits import LOGIN_ATTEMPTS, LOGIN_FAILURES_BY_ADDRESS, THROTTLE_RECORDS, Limits, address_key
from oidc_server.users.models import User
from oidc_server.users.passwords import Passwords
from oidc_server.users.service import find_by_login, login_key, upgrade_password_hash


@dataclass(frozen=True)
class PasswordProof:
    """Who proved to know a password, and the hash it was checked against: whoever acts on the proof compares it
    again in their own transaction, because the password may have changed while it was being checked."""

    user_id: uuid.UUID
    password_hash: str


class CredentialsWrong(Refusal):
    """No such account, no password set, or a wrong one: the caller is told the same."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.CREDENTIALS_WRONG, detail)


def prove_password(limits: Limits, passwords: Passwords, login: str, password: str, address: str) -> PasswordProof:
    """Check a person's password.

    Raises :class:`CredentialsWrong`, :class:`Throttled`, and ``Unavailable`` when too many wait to be checked: then the
    attempt was not counted, since nothing was tried."""
    with passwords.admission():
        return _prove(limits, passwords, login, password, address)


def _prove(limits: Limits, passwords: Passwords, login: str, password: str, address: str) -> PasswordProof:
    key = ":".join(login_key(login) or ("unknown", login))
    with reading() as session:
        user = find_by_login(session, login)
    account = str(user.id) if user is not None else key
    where = address_key(address)
    _admit(limits, account, where, user)

    stored = user.password_hash if user is not None else None
    if not passwords.verify(password, stored) or user is None or stored is None:
        limits.hit(LOGIN_FAILURES_BY_ADDRESS, where)
        _record(Event.USER_SIGN_IN_FAILED, user)
        raise CredentialsWrong("no such account" if user is None else "wrong password" if stored else "no password set")
    for rule in LOGIN_ATTEMPTS:
        limits.clear(rule, account, where)
    if passwords.needs_upgrade(stored):
        stored = _upgrade(passwords, user.id, password, stored)
    return PasswordProof(user.id, stored)


def _admit(limits: Limits, account: str, where: str, user: User | None) -> None:
    """Count the attempt; refuse it when the account was tried too often from this address, or the address failed too
    often over all accounts."""
    if not limits.allows(LOGIN_FAILURES_BY_ADDRESS, where):
        raise Throttled(
            Reason.LOGIN_THROTTLED, "address", retry_after=limits.retry_after(LOGIN_FAILURES_BY_ADDRESS, where)
        )
    for rule in LOGIN_ATTEMPTS:
        if not limits.hit(rule, account, where):
            if limits.hit(THROTTLE_RECORDS, account, where):
                _record(Event.USER_SIGN_IN_THROTTLED, user)
            raise Throttled(Reason.LOGIN_THROTTLED, rule.name, retry_after=limits.retry_after(rule, account, where))


def _record(event: Event, user: User | None) -> None:
    """Recorded for a missing account too, so that neither time nor work tells it from a real one. What was typed is not
    kept: people type their passwords there."""
    user_id = None if user is None else user.id
    with transaction() as session:
        record(session, event, actor=Actor("user"), subject=str(user_id or "unknown"), user_id=user_id)


def _upgrade(passwords: Passwords, user_id: uuid.UUID, password: str, old: str) -> str:
    new = passwords.hash(password)
    with transaction() as session:
        upgrade_password_hash(session, user_id, old, new)
    return new
