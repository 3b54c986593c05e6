"""Taking up an invitation: the first password of an account that an admin made, by the link of a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oidc_server.accounts.password_setting import accept_password, names_of
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.users.links import OVERTAKEN_BY_PASSWORD, Purpose, cancel_links, find_link, redeem_link

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


def accept_invitation(server: AuthorizationServer, token: str, password: str, *, member: str = "password") -> str:
    """Set the first password by the link with this ``token``, which proves the address too; the address. It begins no
    session. ``member`` of the request or the form is the one that holds the password.

    It opens its own transaction, because the password is checked and hashed before; and who has no good link is refused
    before anything is hashed. Raises ``LinkRefused``, ``MembersWrong``, and ``Unavailable`` when too many passwords
    wait to be hashed."""
    with reading() as session:
        _, user = find_link(session, token, Purpose.INVITATION)
        names = names_of(session, user)
    accept_password(password, names, member=member)
    password_hash = server.passwords.hash(password)
    with transaction() as session:
        _, user = redeem_link(session, token, Purpose.INVITATION)
        now, actor = clock.now(), Actor("user", str(user.id))
        user.password_hash, user.password_changed_at, user.updated_at = password_hash, now, now
        user.email_verified_at = user.email_verified_at or now
        cancel_links(session, user.id, OVERTAKEN_BY_PASSWORD)
        record(session, Event.USER_INVITATION_ACCEPTED, actor=actor, subject=str(user.id), user_id=user.id)
        return user.email
