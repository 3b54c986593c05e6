"""Changing the password by who knows the present one; and asking for the present one before other changes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from oidc_server.accounts.password_setting import accept_password, names_of, set_password
from oidc_server.accounts.refusals import AccountGone, MembersWrong
from oidc_server.audit.catalogue import Event
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.pages.languages import gettext
from oidc_server.users.models import User
from oidc_server.users.sign_in import CredentialsWrong, PasswordProof, prove_password, user_behind

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


def change_password(
    server: AuthorizationServer,
    *,
    user_id: uuid.UUID,
    session_id: uuid.UUID | None,
    current: str,
    new: str,
    address: str,
) -> None:
    """Change the password of the person who is signed in in the session, at this address. That session goes on and all
    others end, with what was granted in them.

    It opens its own transaction, because passwords are checked and hashed before. Raises ``MembersWrong`` for
    ``current_password`` and ``new_password``, ``Throttled`` as sign-ins do, and ``Unavailable``."""
    with reading() as session:
        user = session.get(User, user_id)
        if user is None:
            raise AccountGone
        names = names_of(session, user)
    with server.passwords.admission():
        proof = prove_current(server, user, current, address, member="current_password")
        accept_password(new, names, member="new_password")
        password_hash = server.passwords.hash(new)
    with transaction() as session:
        set_password(
            session, user_behind(session, proof), password_hash, event=Event.USER_PASSWORD_CHANGED, address=address,
            except_session=session_id,
        )  # fmt: skip


def prove_current(
    server: AuthorizationServer, user: User, password: str, address: str, *, member: str = "password"
) -> PasswordProof:
    """Check the password of who is signed in already, counted like attempts to sign in (attacks R02, R04): a session
    that was left open is no place to guess it.

    Raises ``MembersWrong`` that names ``member``, ``Throttled``, and ``Unavailable``."""
    wrong = MembersWrong({member: [gettext("The password is wrong.")]}, Reason.PASSWORD_WRONG)
    try:
        proof = prove_password(server.limits, server.passwords, user.email, password, address)
    except CredentialsWrong as error:
        raise wrong from error
    if proof.user_id != user.id:  # the address has become somebody else's at this very moment
        raise wrong
    return proof
