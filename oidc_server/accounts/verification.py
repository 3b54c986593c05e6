"""Confirming an email address by the link in a mail. The link proves who reads the address's mail, not who registered:
whoever registered somebody else's address must not share the account with them (pre-hijacking)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from oidc_server.accounts.mail_requests import admit_mail_request, request_mail
from oidc_server.accounts.recovery import reset_password
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock, crypto
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason, Refusal
from oidc_server.messages.kinds import Kind
from oidc_server.users.links import LinkRefused, Purpose, find_link, redeem_link
from oidc_server.users.models import Link, User
from oidc_server.users.sign_in import PasswordProof, prove_password, user_behind

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


class Shown(StrEnum):
    """By what it was shown that whoever follows the link is the one who registered; kept with the event."""

    BROWSER = "browser"
    PASSWORD = "password"  # noqa: S105 - a word
    TOKEN = "token"  # noqa: S105 - a word
    NOTHING = "nothing"


class RegistrantUnknown(Refusal):
    """Nothing shows that whoever follows the link has registered: they have to give the password, or set a new one."""

    status = 403

    def __init__(self) -> None:
        super().__init__(Reason.REGISTRANT_UNKNOWN)


@dataclass(frozen=True)
class Follower:
    """Who follows a link: ``browser_secret`` is that of their browser, ``user_id`` whom their access token is of."""

    browser_secret: str | None = None
    user_id: uuid.UUID | None = None
    password: str | None = None


@dataclass(frozen=True)
class OpenLink:
    """A link that is good, for a page: ``is_registrant`` when this is the browser in which the person registered."""

    email: str
    is_registrant: bool


def look_at_link(token: str, browser_secret: str | None) -> OpenLink:
    """What a page shows of a link. Nothing is used up by it (attack G12). Raises ``LinkRefused``."""
    with reading() as session:
        link, user = find_link(session, token, Purpose.VERIFY_EMAIL)
        return OpenLink(user.email, _is_browser_of(link, browser_secret))


def verify_email(
    server: AuthorizationServer, token: str, follower: Follower, address: str, *, vouched: bool = False
) -> str:
    """Confirm the email address by the link with this ``token``; the address. Everything about the account stays as it
    is, so the follower has to be shown to be the one who registered, unless an app answers for that (``vouched``).

    It opens its own transaction, because a password is checked before, counted like attempts to sign in. Raises
    ``LinkRefused``, ``CredentialsWrong``, ``ProofOutdated``, ``Throttled``, ``Unavailable``, and
    :class:`RegistrantUnknown`; then the link was not used up."""
    proof = None if follower.password is None else _prove(server, token, follower.password, address)
    with transaction() as session:
        link, user = redeem_link(session, token, Purpose.VERIFY_EMAIL)
        shown = _shown_by(session, link, user, follower, proof)
        if shown is Shown.NOTHING and not vouched:
            raise RegistrantUnknown
        if user.email_verified_at is None:
            user.email_verified_at = user.updated_at = clock.now()
            record(
                session, Event.USER_EMAIL_VERIFIED, actor=Actor("user", str(user.id)), subject=str(user.id),
                user_id=user.id, detail={"registrant_shown_by": shown.value},
            )  # fmt: skip
        return user.email


def verify_with_new_password(
    server: AuthorizationServer, token: str, password: str, address: str, *, member: str
) -> str:
    """Confirm the address for somebody who does not know the password: they set a new one, and whoever has registered
    loses theirs with every session and grant (attack G18). The account's email address.

    It opens its own transaction. Raises what :func:`~oidc_server.accounts.recovery.reset_password` raises."""
    return reset_password(server, token, password, address, member=member, purpose=Purpose.VERIFY_EMAIL)


def request_verification(
    server: AuthorizationServer, email: str, address: str, *, interaction_id: uuid.UUID | None = None
) -> None:
    """Have the link sent again to ``email``, if there is an account to confirm; asked for from ``address``, maybe
    while an app's request waits. What it does and how long it takes is the same for every address.

    Raises ``MembersWrong`` for what is no email address, and ``Throttled``."""
    if admit_mail_request(server.limits, Purpose.VERIFY_EMAIL, email, address):
        with transaction() as session:
            request_mail(session, Kind.VERIFY_EMAIL, email, interaction_id)


def _prove(server: AuthorizationServer, token: str, password: str, address: str) -> PasswordProof:
    with reading() as session:
        _, user = find_link(session, token, Purpose.VERIFY_EMAIL)
    return prove_password(server.limits, server.passwords, user.email, password, address)


def _shown_by(session: Session, link: Link, user: User, follower: Follower, proof: PasswordProof | None) -> Shown:
    """Raises ``LinkRefused`` when the follower is shown to be somebody else (attacks G08, G15)."""
    if follower.user_id is not None and follower.user_id != user.id:
        raise LinkRefused(Reason.LINK_UNKNOWN, "the access token is of another account")
    if proof is not None:
        if user_behind(session, proof).id != user.id:  # the address has become somebody else's at this very moment
            raise LinkRefused(Reason.LINK_CANCELLED, "the password is of another account")
        return Shown.PASSWORD
    if follower.user_id is not None:
        return Shown.TOKEN
    return Shown.BROWSER if _is_browser_of(link, follower.browser_secret) else Shown.NOTHING


def _is_browser_of(link: Link, secret: str | None) -> bool:
    if secret is None or link.browser_digest is None:
        return False
    return crypto.same(link.browser_digest, browser_digest(secret))


def browser_digest(secret: str) -> bytes:
    """The name of a browser, by the secret that its cookie holds, as a link keeps it."""
    return crypto.digest(secret)
