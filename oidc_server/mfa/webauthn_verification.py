"""Whether an authenticator's answer is good (Web Authentication Level 3 §7.1, §7.2): the ``webauthn`` package verifies
it, and what that leaves open is checked here. No database, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oidc_server.mfa.factors import RelyingParty
from oidc_server.mfa.models import WebauthnCredential
from oidc_server.mfa.webauthn_answers import Answer, refused

if TYPE_CHECKING:
    from webauthn.helpers.structs import CredentialDeviceType

# ES256, Ed25519 and RS256, as COSE numbers them (RFC 9053 §2, RFC 8812 §2); in the order in which they are preferred.
ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS = (ES256, EDDSA, RS256)
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENT = 65537
# Of a COSE key (RFC 9053 §7, RFC 8230 §4): its kind, algorithm, and curve or modulus.
_KTY, _ALG, _CURVE_OR_MODULUS, _EXPONENT = 1, 3, -1, -2
_KEYS_ON_CURVES = {(2, ES256, 1), (1, EDDSA, 6)}


@dataclass(frozen=True)
class NewCredential:
    """What a registration gave."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True)
class Assertion:
    """What a good assertion says of the credential now."""

    sign_count: int
    backed_up: bool


def check_registration(answer: Answer, relying_party: RelyingParty) -> NewCredential:
    """The credential that was registered. Raises :class:`FactorWrong`; the challenge is the caller's to check."""
    # Memory: with what they import, some megabytes, of which a worker has need when somebody uses a key.
    from webauthn import verify_registration_response  # noqa: PLC0415
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415

    _check_origin(answer, relying_party)
    try:
        verified = verify_registration_response(
            credential=answer.verifiable, expected_challenge=_as_bytes(answer.challenge),
            expected_rp_id=relying_party.id, expected_origin=list(relying_party.origins),
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in ALGORITHMS],
        )  # fmt: skip
        _check_key(verified.credential_public_key)
    except Exception as error:  # it raises errors of many kinds, and not only its own
        raise refused(_words(error)) from error
    if verified.credential_id != answer.credential_id:
        raise refused("credential: two ids")
    return NewCredential(
        verified.credential_id, verified.credential_public_key, verified.sign_count, verified.aaguid,
        _is_eligible(verified.credential_device_type), verified.credential_backed_up,
    )  # fmt: skip


def check_assertion(
    answer: Answer, relying_party: RelyingParty, key: WebauthnCredential, *, person_verified: bool
) -> Assertion:
    """What was asserted with ``key``; ``person_verified``: the authenticator has to have made sure of the person.

    Raises :class:`FactorWrong`; the challenge, the counter and the owner are the caller's to check."""
    from webauthn import verify_authentication_response  # noqa: PLC0415 - as above

    _check_origin(answer, relying_party)
    try:
        verified = verify_authentication_response(
            credential=answer.verifiable, expected_challenge=_as_bytes(answer.challenge),
            expected_rp_id=relying_party.id, expected_origin=list(relying_party.origins),
            credential_public_key=key.public_key, require_user_verification=person_verified,
            # Not the one that is stored: the library compares before it verifies the signature, and then whoever
            # guesses could have us record that the key was copied.
            credential_current_sign_count=0,
        )  # fmt: skip
    except Exception as error:  # it raises errors of many kinds, and not only its own
        raise refused(_words(error)) from error
    if _is_eligible(verified.credential_device_type) != key.backup_eligible:  # §7.2, step 19
        raise refused("flags: whether it can be backed up has changed")
    return Assertion(verified.new_sign_count, verified.credential_backed_up)


def _check_origin(answer: Answer, relying_party: RelyingParty) -> None:
    if answer.origin not in relying_party.origins:
        raise refused(f"origin: {answer.origin[:100]!a}")


def _check_key(public_key: bytes) -> None:
    """Only keys of the kinds that were asked for: the library does not hold an algorithm to its curve or size.

    Raises ``ValueError``, and others of the library's, such as for a point that is not on the curve."""
    import cbor2  # noqa: PLC0415 - as above
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography  # noqa: PLC0415

    key: dict[Any, Any] = cbor2.loads(public_key)
    kind, algorithm, detail = key[_KTY], key[_ALG], key[_CURVE_OR_MODULUS]
    if algorithm == RS256:
        bits = int.from_bytes(detail, "big").bit_length()
        if bits not in _RSA_BITS or int.from_bytes(key[_EXPONENT], "big") != _RSA_EXPONENT:
            raise ValueError("an RSA key of another size or exponent")
    elif (kind, algorithm, detail) not in _KEYS_ON_CURVES:
        raise ValueError("a key of another kind than its algorithm's")
    decoded_public_key_to_cryptography(decode_credential_public_key(public_key))


def _as_bytes(challenge: str) -> bytes:
    from webauthn import base64url_to_bytes  # noqa: PLC0415 - as above

    return base64url_to_bytes(challenge)


def _is_eligible(device_type: CredentialDeviceType) -> bool:
    return device_type.value == "multi_device"


def _words(error: Exception) -> str:
    """What the log says, in signs that every database takes: part of it may be what was sent."""
    return f"verification: {type(error).__name__} {str(error)[:150]!a}"
