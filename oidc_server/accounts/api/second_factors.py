"""``/mfa/setup``, ``/mfa/methods``, ``/mfa/backup-codes``: the second factors of who is signed in."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Session

from oidc_server.accounts.api.answering import caller_as_actor
from oidc_server.accounts.api.blueprints import second_factors
from oidc_server.accounts.api.second_factor_schemas import (
    BackupCodesSchema,
    ConfirmationSchema,
    MethodAddedSchema,
    MethodChangeSchema,
    MethodSchema,
    MethodsSchema,
    SetupBegunSchema,
    SetupSchema,
)
from oidc_server.accounts.refusals import AccountGone
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.core.database import reading, transaction
from oidc_server.core.http import client_address, note_refusal
from oidc_server.mfa.enrolment import Setup, begin_enrolment, confirm_enrolment
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown, make_first, method_of, methods_of, remove_method, rename_method
from oidc_server.mfa.models import Method
from oidc_server.mfa.proof import Given
from oidc_server.mfa.recovery_codes import count_left, make_codes, store_codes
from oidc_server.mfa.sent_codes import mask
from oidc_server.protocol.access_classes import calling_client, current_caller, current_person, recent, user
from oidc_server.protocol.errors import InvalidGrant
from oidc_server.protocol.giving_factors import raise_tokens
from oidc_server.protocol.second_factors import kinds_to_enrol, policy_of
from oidc_server.protocol.server import current_server
from oidc_server.users.models import User


@second_factors.route("/mfa/setup", methods=["POST"])
@recent
@refuses(
    Code.SECOND_FACTOR_NOT_ALLOWED, Code.SECOND_FACTORS_TOO_MANY, Code.PHONE_NUMBER_REFUSED, Code.TOO_MANY_REQUESTS
)  # fmt: skip
@second_factors.arguments(SetupSchema, example={"type": "totp", "name": "Phone"})
@second_factors.response(200, SetupBegunSchema)
def begin_setup(body: dict[str, Any]) -> dict[str, Any]:
    """Begin to set up a second factor

    It counts when it is confirmed, and not before: a set-up that is left alone ends after 15 minutes and changes
    nothing."""
    server, caller = current_server(), current_caller()
    setup = begin_enrolment(
        server.factors, caller.user_id, FactorKind(body["type"]), name=body.get("name"),
        phone_number=body.get("phone_number"), bound_to=caller.bound_to, address=client_address(),
        kinds=kinds_to_enrol(policy_of(server, calling_client()), current_person()),
    )  # fmt: skip
    return _shown_setup(setup)


@second_factors.route("/mfa/setup/<uuid:method_id>/confirm", methods=["POST"])
@recent
@refuses(Code.SECOND_FACTOR_WRONG, Code.SECOND_FACTORS_TOO_MANY)
@second_factors.arguments(ConfirmationSchema, example={"code": "123 456"})
@second_factors.response(200, MethodAddedSchema)
def confirm_setup(body: dict[str, Any], method_id: uuid.UUID) -> dict[str, Any]:
    """Finish setting up a second factor

    From now on it is asked for. The first one comes with ten recovery codes, each of which stands in for it once. The
    code counts as given here, so `tokens` are at the higher level, and refreshing gives such tokens too."""
    server, caller = current_server(), current_caller()
    given = Given(method_id, body.get("code", ""), body.get("credential", ""))
    enrolled = confirm_enrolment(
        server.factors, caller.user_id, method_id, given, amr=caller.amr, bound_to=caller.bound_to,
        address=client_address(),
    )  # fmt: skip
    answer: dict[str, Any] = {}
    if enrolled.recovery_codes is not None:
        answer["backup_codes"] = enrolled.recovery_codes
    try:
        answer["tokens"] = raise_tokens(server, caller, calling_client(), enrolled.amr)
    except InvalidGrant as refusal:  # the session ended meanwhile, and the recovery codes are told only here
        note_refusal(refusal)
    return answer | _method(method_id)


@second_factors.route("/mfa/methods", methods=["GET"])
@user
@second_factors.response(200, MethodsSchema)
def list_methods() -> dict[str, Any]:
    """List one's own second factors"""
    user_id = current_caller().user_id
    with reading() as session:
        return {"items": _shown(session, user_id), "backup_codes_left": count_left(session, user_id)}


@second_factors.route("/mfa/methods/<uuid:method_id>", methods=["PATCH"])
@recent
@second_factors.arguments(MethodChangeSchema, example={"name": "Work phone", "default": True})
@second_factors.response(200, MethodSchema)
def change_method(body: dict[str, Any], method_id: uuid.UUID) -> dict[str, Any]:
    """Rename a second factor, or have it asked for first"""
    with transaction() as session:
        method = method_of(session, current_caller().user_id, method_id)
        if "name" in body:
            rename_method(session, method, body["name"])
        if "default" in body:
            make_first(session, method)
    return _method(method_id)


@second_factors.route("/mfa/methods/<uuid:method_id>", methods=["DELETE"])
@recent
@refuses(Code.SECOND_FACTOR_LAST)
@second_factors.response(204)
def delete_method(method_id: uuid.UUID) -> None:
    """Remove a second factor

    With the last one the recovery codes are void. Where a second factor is demanded the last one stays. No browser is
    trusted any more."""
    with transaction() as session:
        owner = _owner(session)
        method = method_of(session, owner.id, method_id)
        remove_method(
            session, current_server().factors, owner, method, actor=caller_as_actor(),
            client_policy=calling_client().mfa_policy,
        )  # fmt: skip


@second_factors.route("/mfa/backup-codes/regenerate", methods=["POST"])
@recent
@refuses(Code.NOT_FOUND)
@second_factors.response(200, BackupCodesSchema)
def regenerate_codes() -> dict[str, Any]:
    """Make new recovery codes

    Those before are void. Only who has a second factor gets any (`not_found`): the codes stand in for it."""
    if not current_person().second_factors:
        raise MethodUnknown("nothing to stand in for")
    new = make_codes(current_server().passwords)
    with transaction() as session:
        owner = _owner(session)
        if not owner.second_factors:
            raise MethodUnknown("the last one was removed at this moment")
        store_codes(session, owner, new, caller_as_actor())
    return {"backup_codes": new.codes}


def _owner(session: Session) -> User:
    """The account of the person who calls, locked."""
    owner = session.get(User, current_caller().user_id, with_for_update=True)
    if owner is None:
        raise AccountGone
    return owner


def _shown_setup(setup: Setup) -> dict[str, Any]:
    shown: dict[str, Any] = {"method_id": setup.method_id, "type": setup.kind.value, "name": setup.name}
    if setup.totp is not None:
        shown |= {"secret": setup.totp.secret, "otpauth_uri": setup.totp.uri, "qr_code": setup.totp.qr_svg}
    further = {"sent_to": setup.sent_to, "creation_options": setup.creation_options}
    return shown | {name: value for name, value in further.items() if value is not None}


def _method(method_id: uuid.UUID) -> dict[str, Any]:
    with reading() as session:
        for one in _shown(session, current_caller().user_id):
            if one["id"] == method_id:
                return one
    raise MethodUnknown("removed at this moment")


def _shown(session: Session, user_id: uuid.UUID) -> list[dict[str, Any]]:
    owner = session.get(User, user_id)
    if owner is None:
        raise AccountGone
    return [_shown_method(method, owner, place) for place, method in enumerate(methods_of(session, user_id))]


def _shown_method(method: Method, owner: User, place: int) -> dict[str, Any]:
    return {
        "id": method.id,
        "type": method.kind,
        "name": method.name,
        "default": place == 0,
        "sent_to": mask(method, owner) or None,
        "created_at": method.created_at,
        "last_used_at": method.last_used_at,
    }
