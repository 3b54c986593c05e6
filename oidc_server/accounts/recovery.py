"""Getting back in without the password: a link by mail, under which a new one is set."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from oidc_server.accounts.mail_requests import admit_mail_request, request_mail
from oidc_server.accounts.password_setting import accept_password, names_of, take_over
from oidc_server.core.database import reading, transaction
from oidc_server.messages.kinds import Kind
from oidc_server.users.links import Purpose, find_link, redeem_link

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


def request_reset(
    server: AuthorizationServer, email: str, address: str, *, interaction_id: uuid.UUID | None = None
) -> None:
    """Have a link to set a new password sent to ``email``, if there is an account that can use one; asked for from
    ``address``, maybe while an app's request waits. What it does and how long it takes is the same for every address
    (attack G02).

    Raises ``MembersWrong`` for what is no email address, and ``Throttled``."""
    if admit_mail_request(server.limits, Purpose.RESET_PASSWORD, email, address):
        with transaction() as session:
            request_mail(session, Kind.RESET_PASSWORD, email, interaction_id)


def reset_password(
    server: AuthorizationServer, token: str, password: str, address: str, *, member: str = "password",
    purpose: Purpose = Purpose.RESET_PASSWORD,
) -> str:  # fmt: skip
    """Set a new password by the link with this ``token``, as asked for from ``address``, which ends everything else;
    the account's email address. ``member`` of what was sent is the one that holds the password;
    ``purpose`` is what the link was sent for.

    It opens its own transaction, because the password is checked and hashed before. Raises ``LinkRefused``,
    ``MembersWrong``, and ``Unavailable`` when too many passwords wait to be hashed. The lock under which the link is
    redeemed closes the race of many resets with one link (attack G06)."""
    with reading() as session:
        _, user = find_link(session, token, purpose)
        names = names_of(session, user)
    accept_password(password, names, member=member)
    password_hash = server.passwords.hash(password)
    with transaction() as session:
        _, user = redeem_link(session, token, purpose)
        take_over(session, user, password_hash, address=address)
        return user.email
