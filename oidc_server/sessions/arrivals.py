"""What follows from every sign-in, whichever way it came: when it was, that a closed account is open again, and a mail
to the person when it came from a device that they have not used before."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.sessions.models import LoginSession
from oidc_server.sessions.service import Device, printable
from oidc_server.users.closing import reopen
from oidc_server.users.links import Purpose, cancel_links
from oidc_server.users.models import User


def note_arrival(session: Session, user: User, device: Device, *, known_device: bool = False) -> None:
    """Note a sign-in; to be called before its session begins. ``known_device``: its cookie says that the person has
    signed in there before.

    A device is new when no session of the person that is still remembered came from the same program, under the same
    name. The first session of all is no news."""
    first = user.last_login_at is None
    user.last_login_at = clock.now()
    reopen(session, user)
    # Whoever signs in needs no link to set a password, and whoever else asked for one shall not have it (ASVS 6.4.3).
    cancel_links(session, user.id, (Purpose.RESET_PASSWORD,))
    if first or known_device or _has_been_here(session, user, device):
        return
    enqueue(
        session, kind=Kind.NEW_DEVICE, user_id=user.id,
        parameters={"user_agent": printable(device.user_agent), "address": device.address, "device_name": device.name},
    )  # fmt: skip


def _has_been_here(session: Session, user: User, device: Device) -> bool:
    same = exists().where(
        LoginSession.user_id == user.id,
        LoginSession.user_agent == printable(device.user_agent),
        LoginSession.device_name.is_not_distinct_from(device.name),
    )
    return bool(session.scalar(select(same)))
