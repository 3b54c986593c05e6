"""Security keys as second factors: what is registered, what it is good for, and what is refused (M16, M19, M20)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from oidc_server.audit.models import AuditEvent
from oidc_server.core import clock
from oidc_server.mfa.enrolment import begin_enrolment, confirm_enrolment
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.models import Method, WebauthnCredential
from oidc_server.mfa.proof import FactorProof, FactorWrong, Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.webauthn_ceremonies import request_options
from oidc_server.mfa.webauthn_challenges import LIFETIME
from tests.authenticator import PRESENT, Authenticator, bytes_of, text_of
from tests.mfa.giving import PROVEN
from tests.passkeys import enrol_passkey
from tests.relying_party import Server, TestUser
from tests.second_factors import factors_of

SESSION, ADDRESS = "session of mine", "192.0.2.1"
ALL = frozenset(FactorKind)


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


def asked(server: Server, *, bound_to: str = SESSION, passwordless: bool = False) -> dict[str, Any]:
    """What a page or program that asks for one of all keys is given."""
    with server.database.reading() as session:
        keys = list(session.scalars(select(WebauthnCredential)))
    return request_options(factors_of(server), keys, bound_to=bound_to, passwordless=passwordless)


def give(
    server: Server, user: TestUser, method_id: UUID, credential: str, *, bound_to: str = SESSION
) -> FactorProof | None:
    """Give a key as second factor; None when it is refused."""
    given = Given(method_id, credential=credential)
    try:
        return prove_factor(
            factors_of(server), user.id, given, bound_to=bound_to, kinds=ALL, address=ADDRESS, known_device="mine"
        )
    except FactorWrong:
        return None


def begin(server: Server, user: TestUser, bound_to: str = SESSION) -> tuple[UUID, dict[str, Any]]:
    setup = begin_enrolment(
        factors_of(server), user.id, FactorKind.WEBAUTHN, name="Key", bound_to=bound_to, address=ADDRESS, kinds=ALL
    )
    assert setup.creation_options is not None
    return setup.method_id, setup.creation_options


def confirm(server: Server, user: TestUser, method_id: UUID, credential: str, *, bound_to: str = SESSION) -> bool:
    given = Given(method_id, credential=credential)
    try:
        confirm_enrolment(factors_of(server), user.id, method_id, given, amr=PROVEN, bound_to=bound_to, address=ADDRESS)
    except FactorWrong:
        return False
    return True


def events(server: Server, user: TestUser, name: str) -> list[AuditEvent]:
    with server.database.reading() as session:
        query = select(AuditEvent).where(AuditEvent.event == name, AuditEvent.user_id == user.id)
        return list(session.scalars(query))


def test_keys_of_each_kind_are_set_up_and_given(server: Server, user: TestUser) -> None:
    for kind in ("ES256", "EdDSA", "RS256"):
        authenticator = Authenticator(kind)
        method_id, options = begin(server, user)
        assert [one["alg"] for one in options["pubKeyCredParams"]] == [-7, -8, -257]
        assert options["attestation"] == "none"
        assert confirm(server, user, method_id, authenticator.create(options)), kind
        proof = give(server, user, method_id, authenticator.get(asked(server)))
        assert proof == FactorProof(user.id, ("pop", "user"), method_id), kind
    _, options = begin(server, user)
    assert len(options["excludeCredentials"]) == 3
    assert options["excludeCredentials"][0]["transports"] == ["usb"]


def test_a_second_factor_needs_the_person_to_be_there_and_no_more(server: Server, user: TestUser) -> None:
    """Keys without a PIN are good as a second factor; those that say that nobody touched them are not (M18)."""
    authenticator = Authenticator()
    method_id = enrol_passkey(server, user, authenticator, flags=PRESENT)
    assert give(server, user, method_id, authenticator.get(asked(server), flags=PRESENT)) is not None
    assert give(server, user, method_id, authenticator.get(asked(server), flags=0)) is None


def test_an_answer_is_good_for_one_session_and_ceremony_once_m16(server: Server, user: TestUser) -> None:
    authenticator = Authenticator()
    method_id = enrol_passkey(server, user, authenticator)
    elsewhere = authenticator.get(asked(server, bound_to="session of another"))
    to_sign_in = authenticator.get(asked(server, passwordless=True))
    to_register = authenticator.get(asked(server) | {"challenge": begin(server, user)[1]["challenge"]})
    no_challenge = authenticator.get(asked(server) | {"challenge": "AAAA"})
    for answer in (elsewhere, to_sign_in, to_register, no_challenge):
        assert give(server, user, method_id, answer) is None
    late = authenticator.get(asked(server))
    clock.travel(LIFETIME)
    assert give(server, user, method_id, late) is None
    answer = authenticator.get(asked(server))
    assert give(server, user, method_id, answer) is not None
    assert give(server, user, method_id, answer) is None


def test_a_key_of_another_person_is_no_factor_m20(server: Server, user: TestUser) -> None:
    own, foreign, other = Authenticator(), Authenticator(), server.user()
    method_id, foreign_id = enrol_passkey(server, user, own), enrol_passkey(server, other, foreign)
    for given_as in (method_id, foreign_id):
        assert give(server, user, given_as, foreign.get(asked(server), key=foreign.keys[0])) is None
    forged = own.get(asked(server), key=own.keys[0], user_handle=other.id.bytes)
    assert give(server, user, method_id, forged) is None
    without = own.get(asked(server), key=own.keys[0], user_handle=b"")  # as keys answer that are no passkeys
    assert give(server, user, method_id, without) is not None


def test_one_key_is_registered_once_and_for_whom_it_was_asked_m20(server: Server, user: TestUser) -> None:
    authenticator, twin, other = Authenticator(), Authenticator(), server.user()
    enrol_passkey(server, user, authenticator)
    (key,) = authenticator.keys
    method_id, options = begin(server, other)
    answer = twin.create(options)
    twin_id = twin.keys[0].credential_id
    assert not confirm(server, user, begin(server, user)[0], answer), "it was asked for another person"
    assert not confirm(server, other, method_id, answer, bound_to="session of another")
    assert not confirm(server, other, method_id, _renamed(answer, twin_id, key.credential_id)), "it is another's"
    assert not confirm(server, other, method_id, answer), "the challenge was answered"
    method_id, options = begin(server, other)
    assert confirm(server, other, method_id, twin.create(options))
    twin_id = twin.keys[-1].credential_id
    with server.database.reading() as session:
        stored = {one.credential_id for one in session.scalars(select(WebauthnCredential))}
        owners = set(session.scalars(select(Method.user_id).where(Method.confirmed_at.is_not(None))))
    assert stored == {key.credential_id, twin_id}
    assert owners == {user.id, other.id}


def _renamed(answer: str, old: bytes, new: bytes) -> str:
    """The same registration, of a key that claims another's id, everywhere where it says one."""
    said = json.loads(answer)
    said["id"] = said["rawId"] = text_of(new)
    attestation = bytes_of(said["response"]["attestationObject"]).replace(old, new)
    said["response"]["attestationObject"] = text_of(attestation)
    return json.dumps(said)


def test_a_counter_that_went_back_stays_recorded_although_it_is_refused_m19(server: Server, user: TestUser) -> None:
    authenticator = Authenticator()
    method_id = enrol_passkey(server, user, authenticator)
    assert give(server, user, method_id, authenticator.get(asked(server))) is not None
    authenticator.keys[0].counter = 0
    assert give(server, user, method_id, authenticator.get(asked(server))) is None
    assert [event.detail for event in events(server, user, "mfa.counter_went_back")] == [{"method_id": str(method_id)}]
    assert [event.detail for event in events(server, user, "mfa.failed")] == [{"detail": "counter: went back"}]


def test_what_is_odd_in_an_answer_can_be_recorded(server: Server, user: TestUser) -> None:
    """What a stranger says comes into the audit log only in signs that every database takes."""
    authenticator = Authenticator()
    method_id = enrol_passkey(server, user, authenticator)
    odd = authenticator.get(asked(server), client_data={"origin": "https://\x00\ud800.example"})
    assert give(server, user, method_id, odd) is None
    assert give(server, user, method_id, "\x00") is None
