"""A person's profile: reading and changing what they tell of themselves (OpenID Connect Core §5.1)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.users.claims import claims_of
from oidc_server.users.models import Profile, User
from oidc_server.users.profile_values import PROFILE_MEMBERS, TEXT_CHARACTERS, ProfileInvalid, check_profile


def set_profile(session: Session, user: User, values: Mapping[str, Any], actor: Actor) -> list[str]:
    """Change what ``values`` names and leave the rest: a JSON merge patch (RFC 7396), so that None removes a member, of
    the address too. A phone number that changes is no longer verified, unless ``values`` says that it is.

    Returns the names of the members that changed. Raises :class:`ProfileInvalid`."""
    check_profile(values)
    # Two changes at once come one after the other, also those that would both make the row.
    session.refresh(user, with_for_update={"key_share": True})
    profile = session.get(Profile, user.id, populate_existing=True)
    before = members_of(user, profile)
    after = _merged(before, values)
    changed = sorted(name for name in PROFILE_MEMBERS if before.get(name) != after.get(name))
    if not changed:
        return []
    now = clock.now()
    profile = profile or Profile(user_id=user.id)
    for name in TEXT_CHARACTERS:
        setattr(profile, name, after.get(name))
    profile.address = after.get("address", {})
    if not after.get("phone_number_verified"):
        profile.phone_number_verified_at = None
    elif profile.phone_number_verified_at is None or "phone_number" in changed:
        profile.phone_number_verified_at = now
    profile.updated_at = now
    session.add(profile)
    session.flush()
    # The names only: the audit log cannot forget, and a person may want to be forgotten.
    record(
        session, Event.USER_PROFILE_UPDATED, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"changed": changed},
    )  # fmt: skip
    return changed


def members_of(user: User, profile: Profile | None) -> dict[str, Any]:
    """What a profile tells, in the form in which :func:`set_profile` takes it."""
    told = claims_of(user, profile, PROFILE_MEMBERS)
    if profile is not None and profile.bio is not None:  # a member that is no claim of OpenID Connect
        told["bio"] = profile.bio
    return {name: told[name] for name in PROFILE_MEMBERS if name in told}


def _merged(before: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    after = {**before, **values}
    if isinstance(values.get("address"), Mapping):
        address = {**before.get("address", {}), **values["address"]}
        after["address"] = {name: value for name, value in address.items() if value is not None}
    number = after.get("phone_number")
    if number is None and values.get("phone_number_verified"):
        raise ProfileInvalid({"phone_number_verified": "There is no phone number."})
    is_another = number != before.get("phone_number")
    verified = values.get("phone_number_verified") if is_another else after.get("phone_number_verified")
    after["phone_number_verified"] = None if number is None else bool(verified)
    return {name: value for name, value in after.items() if value is not None and value != {}}
