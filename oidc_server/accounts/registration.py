"""Making an account for oneself. Whether the address had an account already is told to its owner, by mail, and to
nobody else (OWASP ASVS 6.3.8): the answer is the same, and so is the work."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.accounts.editing import profile_errors
from oidc_server.accounts.mail_requests import admit_mail, recipient_key, waiting_for
from oidc_server.accounts.password_setting import accept_password
from oidc_server.accounts.refusals import EmailTaken, MembersWrong, NameTaken, RegistrationClosed
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.identity import NotAUsername, new_id, username_key
from oidc_server.core.limit_rules import REGISTRATIONS_BY_ADDRESS
from oidc_server.core.limits import Limits, address_key
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.users.adding import add_unless_email_taken
from oidc_server.users.models import User
from oidc_server.users.profile_values import ProfileInvalid, check_profile
from oidc_server.users.service import UsernameTaken

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer

PURPOSE = "registration"
BROWSER = "browser"  # the parameter of the message that names the browser in which the person registered
_NAMES = ("given_name", "family_name", "middle_name", "nickname")


@dataclass(frozen=True)
class Wanted:
    """The account that somebody wants. ``browser_digest`` names the browser that asks, where it is one: later it shows
    that whoever opens the link in the mail is the one who registered. ``interaction_id`` names the app's request that
    waits for them."""

    email: str
    password: str = field(repr=False)
    username: str | None = None
    full_name: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    browser_digest: bytes | None = None
    interaction_id: uuid.UUID | None = None

    def profile_values(self) -> dict[str, Any]:
        """What the profile will tell, under its own names."""
        values = {**self.profile, "name": self.full_name}
        if isinstance(address := values.get("address"), Mapping):
            values["address"] = {name: value for name, value in address.items() if value is not None} or None
        return {name: value for name, value in values.items() if value is not None}

    def names(self) -> list[str]:
        """What the person is called: a guesser tries these first."""
        names = (self.full_name, *(self.profile.get(name) for name in _NAMES))
        return [name for name in (self.email, self.username, *names) if name]


@dataclass(frozen=True)
class Registered:
    """What whoever registered is told. When the address had an account already, the id leads nowhere."""

    id: uuid.UUID
    email: str
    username: str | None
    full_name: str | None
    created_at: datetime
    is_verified: bool = False


def register(server: AuthorizationServer, wanted: Wanted, address: str) -> Registered:
    """Make an account, asked for from ``address``; a link by mail confirms its email address.

    It opens its own transaction, because the password is checked and hashed before. Raises ``RegistrationClosed``,
    ``Throttled``, ``MembersWrong``, ``NameTaken`` (usernames are public), ``Unavailable`` when too many passwords wait
    to be hashed, and ``EmailTaken`` only where OIDC_REGISTRATION_REVEALS_TAKEN_EMAIL is set."""
    if not server.settings.people_can_register:
        raise RegistrationClosed
    _admit(server.limits, address)
    wanted = replace(wanted, email=wanted.email.strip())
    keys, profile = _keys_of(wanted), wanted.profile_values()
    _check_profile(profile)
    accept_password(wanted.password, wanted.names(), member="password")
    password_hash = server.passwords.hash(wanted.password)
    is_told = admit_mail(server.limits, PURPOSE, keys["email_key"] or "")
    registered = Registered(new_id(), wanted.email, wanted.username, wanted.full_name, clock.now())
    row = {**keys, **_columns_of(registered), "password_hash": password_hash}
    with transaction() as session:
        try:
            owner = add_unless_email_taken(session, row, profile)
        except UsernameTaken as error:  # somebody took it at the same moment
            raise NameTaken from error
        _write_down(session, owner, wanted, is_new=owner == registered.id, is_told=is_told)
    if owner != registered.id and server.settings.registration_reveals_taken_email:
        raise EmailTaken
    return registered


def _admit(limits: Limits, address: str) -> None:
    where = address_key(address)
    rule = limits.hit_all(REGISTRATIONS_BY_ADDRESS, where)
    if rule is not None:
        raise Throttled(Reason.REGISTRATION_THROTTLED, rule.name, retry_after=limits.retry_after(rule, where))


def _keys_of(wanted: Wanted) -> dict[str, str | None]:
    """The forms in which the address and the username are compared. The address is not looked up here."""
    key = recipient_key(wanted.email)
    try:
        name_key = None if wanted.username is None else username_key(wanted.username)
    except NotAUsername as error:
        raise MembersWrong({"username": [str(error)]}) from error
    if name_key is not None:
        with reading() as session:
            if session.scalar(select(User.id).where(User.username_key == name_key)) is not None:
                raise NameTaken
    return {"email_key": key, "username_key": name_key}


def _check_profile(values: Mapping[str, Any]) -> None:
    try:
        check_profile(values)
    except ProfileInvalid as error:
        raise MembersWrong(profile_errors(error.problems)) from error


def _columns_of(registered: Registered) -> dict[str, Any]:
    now = registered.created_at
    return {
        "id": registered.id, "email": registered.email, "username": registered.username,
        "password_changed_at": now, "created_at": now, "updated_at": now,
    }  # fmt: skip


def _write_down(session: Session, owner: uuid.UUID | None, wanted: Wanted, *, is_new: bool, is_told: bool) -> None:
    """The event, and the mail to whoever has the address. Nothing is sent when this address has got enough mail."""
    event = Event.USER_REGISTERED if is_new else Event.USER_REGISTRATION_REFUSED
    actor = Actor("user", str(owner)) if is_new else Actor("user")
    record(session, event, actor=actor, subject=str(owner or "unknown"), user_id=owner)
    if is_told:
        digest = wanted.browser_digest
        enqueue(
            session, kind=Kind.VERIFY_EMAIL if is_new else Kind.ALREADY_REGISTERED, user_id=owner,
            parameters=waiting_for(wanted.interaction_id) | ({} if digest is None else {BROWSER: digest.hex()}),
        )  # fmt: skip
