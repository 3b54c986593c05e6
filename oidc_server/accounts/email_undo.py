"""Taking a change of the email address back, by the link that was sent to the address before.

Whoever follows it may have lost the account to a thief, who knows the password, has sessions, and reads the mail of the
address that the account has now: all of that ends, and a new password is set by a mail to the restored address."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from oidc_server.accounts.email_change import move_to
from oidc_server.accounts.erasure import erase
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.ending import end_all
from oidc_server.authorizations.models import Consent
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.pending import end_pending
from oidc_server.mfa.trusted_devices import end_trusted
from oidc_server.users.closing import reopen
from oidc_server.users.links import OVERTAKEN_BY_PASSWORD, Purpose, cancel_links, redeem_link
from oidc_server.users.models import Link, User


def undo_email_change(session: Session, token: str) -> str:
    """Give the account the address back to which the link with this ``token`` was sent; that address.

    Everything ends that was begun since and before, the password is gone, a closed account is open again, and a link to
    set a new password is sent. Second factors stay, also those that were set up since: a mail removes none.

    Raises ``LinkRefused``, and ``EmailTaken`` when somebody has proven the address to be theirs for another account."""
    link, user = redeem_link(session, token, Purpose.UNDO_EMAIL_CHANGE)
    actor = Actor("user", str(user.id))
    _make_room(session, user, link.email_key)
    move_to(session, user, link.email, link.email_key)
    user.password_hash, user.password_changed_at = None, clock.now()
    end_all(session, user_id=user.id, actor=actor, reason=Reason.EMAIL_CHANGE_UNDONE)
    session.execute(delete(Consent).where(Consent.user_id == user.id, Consent.granted_at >= link.created_at))
    cancel_links(session, user.id, OVERTAKEN_BY_PASSWORD)
    _cancel_later_ones(session, link)
    end_trusted(session, user.id)
    end_pending(session, user_id=user.id)
    reopen(session, user)
    record(session, Event.USER_EMAIL_CHANGE_UNDONE, actor=actor, subject=str(user.id), user_id=user.id)
    enqueue(session, kind=Kind.RESET_PASSWORD, user_id=user.id)
    return user.email


def _make_room(session: Session, user: User, key: str) -> None:
    """Nobody keeps the owner from coming back by registering the address that became free: an account that has not
    proven it gives way, and holds nothing that its owner could not have again."""
    occupied = select(User).where(User.email_key == key, User.id != user.id, User.email_verified_at.is_(None))
    squatter = session.scalar(occupied.with_for_update())
    if squatter is not None:
        erase(session, squatter)


def _cancel_later_ones(session: Session, link: Link) -> None:
    """Of several changes, taking back the first takes back all: the others lead to addresses of the thief."""
    session.execute(
        update(Link)
        .where(
            Link.user_id == link.user_id,
            Link.purpose == Purpose.UNDO_EMAIL_CHANGE.value,
            Link.created_at > link.created_at,
            Link.used_at.is_(None),
            Link.cancelled_at.is_(None),
        )
        .values(cancelled_at=clock.now())
    )
