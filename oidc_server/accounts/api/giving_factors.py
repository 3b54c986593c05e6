"""``/mfa/challenge``, ``/mfa/verify``: asking for a second factor and giving it, to finish a login or to step up."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask import request

from oidc_server.accounts.api.blueprints import second_factors
from oidc_server.accounts.api.owed_factors import tokens_or_problem
from oidc_server.accounts.api.second_factor_schemas import (
    ChallengedSchema,
    ChallengeSchema,
    FactorGivenSchema,
    FactorSchema,
)
from oidc_server.accounts.factor_challenges import challenge, check_challenge_id
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.clients.account_client import account_client
from oidc_server.core import clock
from oidc_server.core.database import reading
from oidc_server.core.errors import Reason
from oidc_server.core.http import client_address, name_client
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.pending import Channel, find_pending_of
from oidc_server.mfa.proof import Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.protocol import challenges
from oidc_server.protocol.access_classes import caller_if_any, calling_client, current_person, person_or_nobody
from oidc_server.protocol.errors import InvalidGrant
from oidc_server.protocol.giving_factors import go_on_with_login, kinds_for_login, raise_tokens
from oidc_server.protocol.second_factors import factor_to_prove, policy_of
from oidc_server.protocol.server import current_server
from oidc_server.sessions.service import Device

_EXAMPLE_TOKEN = "Jb1mGJvO2SZ3w3nU8x1m3h3h7bq2mJdVYb0C8v4x0lE"  # noqa: S105 - of nothing
_EXAMPLE_METHOD = "01986f0e-7d5c-7c3e-9f0a-5b1c2d3e4f50"


@dataclass(frozen=True)
class _Asked:
    """Of whom a factor is asked for, for what, and by which kinds; in a session also of set-ups that wait."""

    user_id: uuid.UUID
    bound_to: str
    kinds: frozenset[FactorKind]
    in_session: bool


@second_factors.route("/mfa/challenge", methods=["POST"])
@person_or_nobody
@refuses(Code.MFA_TOKEN_INVALID, Code.NOT_FOUND, Code.SECOND_FACTOR_NOT_ALLOWED, Code.PHONE_NUMBER_REFUSED)
@second_factors.arguments(ChallengeSchema, example={"mfa_token": _EXAMPLE_TOKEN, "method_id": _EXAMPLE_METHOD})
@second_factors.response(200, ChallengedSchema)
def ask_for_factor(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a second factor

    A code is sent by `email` or `sms`, and those sent before are void; for `webauthn` there are options; for `totp`
    there is nothing to ask. An `mfa_token` of the token endpoint is good here too: with it a client of the password
    grant has a code sent, which it gives at the token endpoint. With an access token, the code of a set-up is sent once
    more."""
    asked, mfa_token = _asked_in_session(), _mfa_token(body)
    if mfa_token is not None:
        asked = _asked_for_login(mfa_token, (Channel.API, Channel.TOKEN))
    assert asked is not None  # noqa: S101 - _mfa_token refuses when there is neither
    made = challenge(
        current_server().factors, asked.user_id, body["method_id"], bound_to=asked.bound_to, kinds=asked.kinds,
        setting_up=asked.in_session, address=client_address(),
    )  # fmt: skip
    return {
        "challenge_id": made.challenge_id, "type": made.kind.value, "sent_to": made.sent_to,
        "request_options": made.request_options,
    }  # fmt: skip


@second_factors.route("/mfa/verify", methods=["POST"])
@person_or_nobody
@refuses(
    Code.MFA_TOKEN_INVALID, Code.SECOND_FACTOR_WRONG, Code.MFA_REQUIRED, Code.MFA_ENROLMENT_REQUIRED,
    Code.INSUFFICIENT_SCOPE,
)  # fmt: skip
@second_factors.arguments(
    FactorSchema, example={"mfa_token": _EXAMPLE_TOKEN, "method_id": _EXAMPLE_METHOD, "code": "123 456"}
)
@second_factors.response(200, FactorGivenSchema)
def give_factor(body: dict[str, Any]) -> dict[str, Any]:
    """Give a second factor

    With the `mfa_token` of `POST /auth/login` it finishes that login. With an access token it steps up (RFC 9470): the
    answer is an access token of the same grant with the higher `acr`, the `amr` and the `auth_time` of now, and tokens
    that are refreshed later have them too. Whatever is wrong with a factor, the answer is the same."""
    mfa_token = _mfa_token(body)
    given = Given(body.get("method_id"), body.get("code", ""), body.get("credential", ""))
    if mfa_token is None:
        return _step_up(given, body.get("challenge_id"))
    server = current_server()
    client = account_client(server.clients, server.database)
    name_client(client.client_id)
    if "challenge_id" in body:
        _check(_asked_for_login(mfa_token, (Channel.API,)), given, body["challenge_id"])
    device = Device(request.headers.get("User-Agent", ""), client_address())
    return tokens_or_problem(
        go_on_with_login(server, mfa_token, given, client=client, channel=Channel.API, device=device)
    )  # fmt: skip


def _step_up(given: Given, challenge_id: uuid.UUID | None) -> dict[str, Any]:
    server, asked, caller = current_server(), _asked_in_session(), caller_if_any()
    assert asked is not None  # noqa: S101 - as below
    assert caller is not None  # noqa: S101 - without an mfa_token there is a caller
    if challenge_id is not None:
        _check(asked, given, challenge_id)
    factor = prove_factor(
        server.factors, asked.user_id, given, bound_to=asked.bound_to, kinds=asked.kinds, address=client_address()
    )
    try:
        return raise_tokens(server, caller, calling_client(), factor.amr)
    except InvalidGrant as refusal:  # what the grant hangs on ended meanwhile
        raise challenges.unauthorized(refusal.reason, refusal.detail) from refusal


def _check(asked: _Asked, given: Given, challenge_id: uuid.UUID) -> None:
    check_challenge_id(current_server().factors, challenge_id, given.method_id, bound_to=asked.bound_to)


def _mfa_token(body: dict[str, Any]) -> str | None:
    """The ``mfa_token``, unless there is an access token. One of them is needed, and with both it would not be clear
    whose factor is meant."""
    mfa_token: str | None = body.get("mfa_token")
    if caller_if_any() is None and mfa_token is None:
        raise challenges.unauthorized(Reason.TOKEN_MISSING, error=False)
    if caller_if_any() is not None and mfa_token is not None:
        raise MembersWrong({"mfa_token": ["Belongs to a call without an access token."]})
    return mfa_token


def _asked_in_session() -> _Asked | None:
    caller = caller_if_any()
    if caller is None:
        return None
    kinds = factor_to_prove(policy_of(current_server(), calling_client()), current_person()).kinds
    return _Asked(caller.user_id, caller.bound_to, kinds, in_session=True)


def _asked_for_login(mfa_token: str, channels: tuple[Channel, ...]) -> _Asked:
    """Of the login that waits, whichever client of the token endpoint it is of. Raises ``PendingLoginGone``."""
    server = current_server()
    with reading() as session:
        pending = find_pending_of(session, mfa_token, channels)
        name_client(str(pending.login.client_id))
        kinds = kinds_for_login(server, pending, clock.now())
        return _Asked(pending.user.id, pending.bound_to, kinds, in_session=False)
