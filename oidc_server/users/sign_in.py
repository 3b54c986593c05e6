"""Checking a password: counted before it is checked, hashed outside of any transaction, told alike whatever failed."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason, Refusal, Throttled
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS, LOGIN_FAILURES_BY_ADDRESS, THROTTLE_RECORDS
from oidc_server.core.limits import Limits, address_key
from oidc_server.users.models import User
from oidc_server.users.passwords import Passwords
from oidc_server.users.service import find_by_login, login_key, refusal_of, upgrade_password_hash
from oidc_server.users.stand_ins import stand_in_for


@dataclass(frozen=True)
class PasswordProof:
    """Who proved to know a password, and the hash it was checked against: whoever acts on the proof compares it
    again in their own transaction, because the password may have changed while it was being checked."""

    user_id: uuid.UUID
    password_hash: str


class CredentialsWrong(Refusal):
    """No such account, no password set, a wrong one, or an account that may not sign in: the caller is told the
    same."""

    def __init__(self, detail: str, reason: Reason = Reason.CREDENTIALS_WRONG) -> None:
        super().__init__(reason, detail)


# The name of the browser, when this user is known to have signed in with it before; otherwise None.
KnownDevice = Callable[[User], str | None]


class ProofOutdated(Refusal):
    """The password was right, and the account may not sign in with it any more."""


def prove_password(
    limits: Limits,
    passwords: Passwords,
    login: str,
    password: str,
    address: str,
    known_device: KnownDevice = lambda user: None,
) -> PasswordProof:
    """Check a person's password. Attempts from a known device are counted by themselves, so that those of strangers, at
    the same address too, cannot keep the person out.

    Raises :class:`CredentialsWrong`, :class:`Throttled`, and ``Unavailable`` when too many wait to be checked: then the
    attempt was not counted, since nothing was tried."""
    with passwords.admission():
        return _prove(limits, passwords, login, password, address, known_device)


def _prove(
    limits: Limits, passwords: Passwords, login: str, password: str, address: str, known_device: KnownDevice
) -> PasswordProof:
    key = ":".join(login_key(login) or ("unknown", login))
    with reading() as session:
        user = find_by_login(session, login)
        stand_in = stand_in_for(session, passwords.stand_in_point(key))
    account = str(user.id) if user is not None else key
    device = known_device(user) if user is not None else None
    where = address_key(address)
    by = f"device {device}" if device is not None else where
    _admit(limits, account, where, by, user)

    try:
        proof = _compare(passwords, user, password, stand_in)
    except CredentialsWrong:
        limits.hit(LOGIN_FAILURES_BY_ADDRESS, where)
        _record(Event.USER_SIGN_IN_FAILED, user)
        raise
    limits.clear_all(LOGIN_ATTEMPTS, account, by)
    if passwords.needs_upgrade(proof.password_hash):
        return _upgrade(passwords, proof, password)
    return proof


def _compare(passwords: Passwords, user: User | None, password: str, stand_in: str | None) -> PasswordProof:
    """Hash once, whatever is wrong. Who knows the password of a suspended account is treated as if they did not.

    Raises :class:`CredentialsWrong`."""
    stored = user.password_hash if user is not None else None
    matches = passwords.verify(password, stored, stand_in)
    if user is None:
        raise CredentialsWrong("no such account")
    if stored is None or not matches:
        raise CredentialsWrong("no password set" if stored is None else "wrong password")
    reason = refusal_of(user.suspended_at, user.locked_until, clock.now())
    if reason is not None:
        raise CredentialsWrong("the password was right", reason)
    return PasswordProof(user.id, stored)


def _admit(limits: Limits, account: str, where: str, by: str, user: User | None) -> None:
    """Count the attempt; refuse it when the account was tried too often from this address or device, or the address
    failed too often over all accounts."""
    spray = (LOGIN_FAILURES_BY_ADDRESS, where) if by == where else None
    rule = limits.hit_all(LOGIN_ATTEMPTS, account, by, within=spray)
    if rule is LOGIN_FAILURES_BY_ADDRESS:
        raise Throttled(Reason.LOGIN_THROTTLED, "address", retry_after=limits.retry_after(rule, where))
    if rule is not None:
        if limits.hit(THROTTLE_RECORDS, account, by):
            _record(Event.USER_SIGN_IN_THROTTLED, user)
        raise Throttled(Reason.LOGIN_THROTTLED, rule.name, retry_after=limits.retry_after(rule, account, by))


def user_behind(session: Session, proof: PasswordProof) -> User:
    """The user, read again under a lock: a password change or suspension meanwhile wins.

    Raises :class:`ProofOutdated`."""
    user: User | None = session.get(User, proof.user_id, with_for_update=True)
    if user is None:
        raise ProofOutdated(Reason.USER_GONE)
    if user.password_hash != proof.password_hash:
        raise ProofOutdated(Reason.PASSWORD_CHANGED)
    reason = refusal_of(user.suspended_at, user.locked_until, clock.now())
    if reason is not None:
        raise ProofOutdated(reason)
    return user


def _record(event: Event, user: User | None) -> None:
    """Recorded for a missing account too, so that neither time nor work tells it from a real one. What was typed is not
    kept: people type their passwords there."""
    user_id = None if user is None else user.id
    with transaction() as session:
        record(session, event, actor=Actor("user"), subject=str(user_id or "unknown"), user_id=user_id)


def _upgrade(passwords: Passwords, proof: PasswordProof, password: str) -> PasswordProof:
    new = passwords.hash(password)
    with transaction() as session:
        upgrade_password_hash(session, proof.user_id, proof.password_hash, new)
    return PasswordProof(proof.user_id, new)
