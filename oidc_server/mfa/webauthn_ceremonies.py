"""Security keys and passkeys: what a browser is asked for, and what its answers are worth (Web Authentication Level 3
§7). No attestation is asked for; the user handle of a passkey is the account's id."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock, crypto
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.models import Method, WebauthnCredential
from oidc_server.mfa.webauthn_answers import Answer, read_assertion, read_registration, refused
from oidc_server.mfa.webauthn_challenges import Ceremony, check_challenge, make_challenge, use_up
from oidc_server.mfa.webauthn_verification import ALGORITHMS, Assertion, check_assertion, check_registration
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of

_TIMEOUT_MILLISECONDS = 300_000  # §15.1: from five to ten minutes


def creation_options(
    factors: SecondFactors, user: User, existing: Sequence[WebauthnCredential], *, bound_to: str
) -> dict[str, Any]:
    """What ``navigator.credentials.create()`` is given, as JSON (§5.4); ``existing`` are the person's keys, none of
    which is registered once more."""
    relying_party = factors.relying_party
    return {
        "rp": {"id": relying_party.id, "name": relying_party.name},
        "user": {"id": crypto.urlsafe(user.id.bytes), "name": user.email, "displayName": user.username or user.email},
        "challenge": make_challenge(factors.challenge_keys, Ceremony.REGISTRATION, _for_user(bound_to, user.id)),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": _TIMEOUT_MILLISECONDS,
        "excludeCredentials": _descriptors(existing),
        # With these a key becomes a passkey where it can be one, and a second factor where not.
        "authenticatorSelection": {
            "residentKey": "preferred", "requireResidentKey": False, "userVerification": "preferred",
        },
        "attestation": "none",
        "extensions": {"credProps": True},
    }  # fmt: skip


def register_credential(
    session: Session, factors: SecondFactors, method: Method, credential: str, *, bound_to: str
) -> None:
    """Keep the public key that ``credential``, the browser's JSON, brings for a method that is being set up.

    Raises :class:`FactorWrong`, also when somebody has registered this key: the unique index decides (§7.1, step 26).
    """
    answer = read_registration(credential)
    bound_to = _for_user(bound_to, method.user_id)
    check_challenge(factors.challenge_keys, answer.challenge, Ceremony.REGISTRATION, bound_to)
    new = check_registration(answer, factors.relying_party)
    use_up(session, answer.challenge)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    added = insert(WebauthnCredential).values(
        method_id=method.id, credential_id=new.credential_id, public_key=new.public_key, sign_count=new.sign_count,
        transports=answer.transports, aaguid=new.aaguid, discoverable=answer.discoverable,
        backup_eligible=new.backup_eligible, backed_up=new.backed_up,
    )  # fmt: skip
    if cast("CursorResult[object]", session.execute(added.on_conflict_do_nothing())).rowcount != 1:
        raise refused("credential: registered already")


def request_options(
    factors: SecondFactors, credentials: Sequence[WebauthnCredential], *, bound_to: str, passwordless: bool = False
) -> dict[str, Any]:
    """What ``navigator.credentials.get()`` is given, as JSON (§5.5): one of these keys as a second factor, or, to sign
    in without a password, whichever passkey the person has for this server."""
    ceremony = Ceremony.SIGN_IN if passwordless else Ceremony.SECOND_FACTOR
    return {
        "challenge": make_challenge(factors.challenge_keys, ceremony, bound_to),
        "timeout": _TIMEOUT_MILLISECONDS,
        "rpId": factors.relying_party.id,
        "allowCredentials": [] if passwordless else _descriptors(credentials),
        "userVerification": "required" if passwordless else "preferred",
    }


def verify_assertion(
    session: Session, factors: SecondFactors, credential: str, *, bound_to: str, user_id: uuid.UUID | None
) -> Method:
    """The method whose key has signed ``credential``, the browser's JSON; its account comes locked.

    With ``user_id`` it is the second factor of that person. Without, it alone signs in whoever the key belongs to: then
    the authenticator has to have verified the person, and to name them. Raises :class:`FactorWrong`, for an account
    that may not sign in too. Catch it inside of the transaction: what was found out until then has to stay.

    The lock on the account closes the races of two answers of one key, and of an answer with the key's removal."""
    answer, alone = read_assertion(credential), user_id is None
    check_challenge(
        factors.challenge_keys, answer.challenge, Ceremony.SIGN_IN if alone else Ceremony.SECOND_FACTOR, bound_to
    )
    user, method, key = _owned(session, answer)
    if user_id not in (None, user.id):
        raise refused("credential: another person's")
    if answer.user_handle != user.id.bytes and (alone or answer.user_handle is not None):  # §7.2, step 6
        raise refused("user handle: not the owner's")
    asserted = check_assertion(answer, factors.relying_party, key, person_verified=alone)
    now = clock.now()
    if (reason := refusal_of(user.suspended_at, user.locked_until, now)) is not None:
        raise refused(f"account: {reason}")
    use_up(session, answer.challenge)
    _keep_counter(session, method, key, asserted)
    method.last_used_at = now
    return method


def _owned(session: Session, answer: Answer) -> tuple[User, Method, WebauthnCredential]:
    named = WebauthnCredential.credential_id == answer.credential_id
    of_method = WebauthnCredential.method_id == Method.id
    owner = session.scalar(select(Method.user_id).join(WebauthnCredential, of_method).where(named))
    user = None if owner is None else session.get(User, owner, with_for_update=True, populate_existing=True)
    found = session.execute(
        select(Method, WebauthnCredential)
        .join(WebauthnCredential, of_method)
        .where(named, Method.user_id == owner, Method.confirmed_at.is_not(None))
        .execution_options(populate_existing=True)
    ).first()
    if user is None or found is None:
        raise refused("credential: nobody's")
    return user, found[0], found[1]


def _keep_counter(session: Session, method: Method, key: WebauthnCredential, asserted: Assertion) -> None:
    """§7.2, step 22: where either counter is not zero, it has to have grown. Otherwise there may be two of the key
    (§6.1.1), which is recorded. Raises :class:`FactorWrong`."""
    if (asserted.sign_count or key.sign_count) and asserted.sign_count <= key.sign_count:
        subject = str(method.user_id)
        record(
            session, Event.MFA_COUNTER_WENT_BACK, actor=Actor("user", subject), subject=subject,
            user_id=method.user_id, detail={"method_id": str(method.id)},
        )  # fmt: skip
        raise refused("counter: went back")
    key.sign_count, key.backed_up = asserted.sign_count, asserted.backed_up


def _descriptors(credentials: Sequence[WebauthnCredential]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": crypto.urlsafe(key.credential_id), "transports": key.transports}
        for key in credentials
    ]


def _for_user(bound_to: str, user_id: uuid.UUID) -> str:
    """A key is registered for the account that it was asked for, whoever is signed in meanwhile."""
    return f"{bound_to} of {user_id}"
