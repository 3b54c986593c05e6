"""``/auth/accept-invitation``: the first password of an account that an admin made."""

from __future__ import annotations

from typing import Any

from oidc_server.accounts.api.blueprints import users
from oidc_server.accounts.api.user_schemas import InvitationSchema, InvitedSchema
from oidc_server.accounts.invitations import accept_invitation
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.protocol.access_classes import public
from oidc_server.protocol.server import current_server


@users.route("/auth/accept-invitation", methods=["POST"])
@public
@refuses(Code.LINK_INVALID, Code.PASSWORD_REFUSED)
@users.arguments(InvitationSchema, example={"token": "from the mail", "password": "three random words"})
@users.response(200, InvitedSchema)
def accept(body: dict[str, Any]) -> Any:
    """Accept an invitation

    Sets the first password of an account that an admin made, by the token of the mail, once. The address is confirmed
    by it. Nobody is signed in."""
    return {"email": accept_invitation(current_server(), body["token"], body["password"])}
