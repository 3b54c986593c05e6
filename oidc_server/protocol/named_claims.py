"""Claims that a client asked for by name to have in its ID Token (OpenID Connect Core §5.5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from oidc_server.authorizations.standing import Standing
from oidc_server.users.claims import claims_of
from oidc_server.users.models import Profile, User


def id_token_claims(session: Session, standing: Standing) -> dict[str, Any]:
    """What there is to say of those claims; nothing is read when none was asked for."""
    names = standing.claims.get("id_token", ())
    user = session.get(User, standing.user_id) if names else None
    if user is None:
        return {}
    return claims_of(user, session.get(Profile, user.id), names)
