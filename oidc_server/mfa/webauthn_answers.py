"""What browsers and authenticators answer (Web Authentication Level 3 §5.1, §6.1), read strictly: what is handed on to
the library that verifies it has no room for surprises, and whatever is odd is a :class:`FactorWrong`, soon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from oidc_server.core import crypto
from oidc_server.core.errors import Reason
from oidc_server.mfa.proof import FactorWrong
from oidc_server.mfa.webauthn_cbor import end_of_item

CREDENTIAL_ID_BYTES = 1023  # Web Authentication Level 3 §7.1, step 25
_ANSWER_CHARACTERS = 32_768
_TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})
_HEADER_BYTES = 37  # the hash of the relying party's id, flags, counter
_FLAGS_AT = 32
_HAS_CREDENTIAL, _HAS_EXTENSIONS = 0x40, 0x80
_AAGUID_BYTES = 16


@dataclass(frozen=True)
class Answer:
    """``challenge`` is the one that was answered, as text. ``verifiable`` is the answer as the library takes it."""

    credential_id: bytes
    challenge: str
    origin: str
    verifiable: dict[str, Any]
    user_handle: bytes | None = None
    transports: list[str] = field(default_factory=list)
    discoverable: bool = False


def refused(detail: str) -> FactorWrong:
    """The refusal of an answer; ``detail`` begins with what is wrong with it."""
    return FactorWrong(detail, Reason.PASSKEY_REFUSED)


def read_registration(text: str) -> Answer:
    """What ``navigator.credentials.create()`` gave, as JSON. Raises :class:`FactorWrong`.

    Whatever the authenticator says of its make is neither asked for nor looked at: the attestation is taken out, so
    that no certificate of strangers is ever read (§7.1, step 23: none is acceptable)."""
    given, response = _opened(text)
    client_data, raw = _client_data(response, "webauthn.create")
    try:
        data = _without_attestation(_bytes(response, "attestationObject"))
    except ValueError as error:
        raise refused(f"attestation: {error}") from error
    credential_id = _bytes(given, "rawId")
    if not 0 < len(credential_id) <= CREDENTIAL_ID_BYTES:
        raise refused("credential: the length of its id")
    transports, extensions = response.get("transports"), given.get("clientExtensionResults")
    properties = extensions.get("credProps") if isinstance(extensions, dict) else None
    return Answer(
        credential_id, client_data["challenge"], client_data["origin"],
        _verifiable(credential_id, {"clientDataJSON": crypto.urlsafe(raw), "attestationObject": crypto.urlsafe(data)}),
        transports=sorted(_TRANSPORTS.intersection(_texts(transports))),
        discoverable=isinstance(properties, dict) and properties.get("rk") is True,
    )  # fmt: skip


def read_assertion(text: str) -> Answer:
    """What ``navigator.credentials.get()`` gave, as JSON. Raises :class:`FactorWrong`."""
    given, response = _opened(text)
    client_data, raw = _client_data(response, "webauthn.get")
    data = _bytes(response, "authenticatorData")
    if len(data) < _HEADER_BYTES or data[_FLAGS_AT] & _HAS_CREDENTIAL:  # §6.1: none in an assertion
        raise refused("authenticator data: too short, or with a credential")
    try:
        end = end_of_item(data, _HEADER_BYTES) if data[_FLAGS_AT] & _HAS_EXTENSIONS else _HEADER_BYTES
    except ValueError as error:
        raise refused(f"authenticator data: {error}") from error
    if end != len(data):
        raise refused("authenticator data: more than it says")
    credential_id = _bytes(given, "rawId")
    handle = None if response.get("userHandle") in (None, "") else _bytes(response, "userHandle")
    parts = {"clientDataJSON": raw, "authenticatorData": data, "signature": _bytes(response, "signature")}
    return Answer(
        credential_id, client_data["challenge"], client_data["origin"],
        _verifiable(credential_id, {name: crypto.urlsafe(value) for name, value in parts.items()}), user_handle=handle,
    )  # fmt: skip


def _opened(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(text) > _ANSWER_CHARACTERS:
        raise refused("answer: too long")
    try:
        given = orjson.loads(text)
    except ValueError as error:
        raise refused("answer: not JSON") from error
    response = given.get("response") if isinstance(given, dict) else None
    if not isinstance(response, dict) or given.get("type") != "public-key" or given.get("id") != given.get("rawId"):
        raise refused("answer: not that of an authenticator")
    return given, response


def _client_data(response: dict[str, Any], wanted: str) -> tuple[dict[str, Any], bytes]:
    """§5.8.1. What the library overlooks is refused here: a page inside of another site's, and a connection bound by
    Token Binding, which this server has none of (Level 2 §7.2, step 14)."""
    raw = _bytes(response, "clientDataJSON")
    try:
        data = orjson.loads(raw)
    except ValueError as error:
        raise refused("client data: not JSON") from error
    if not isinstance(data, dict) or data.get("type") != wanted:
        raise refused("client data: of another ceremony")
    if not isinstance(data.get("challenge"), str) or not isinstance(data.get("origin"), str):
        raise refused("client data: without a challenge or an origin")
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise refused("client data: crossOrigin")
    binding = data.get("tokenBinding")
    if isinstance(binding, dict) and binding.get("status") == "present":
        raise refused("client data: tokenBinding")
    return data, raw


def _without_attestation(attestation_object: bytes) -> bytes:
    """The same authenticator data under attestation ``none``, and without extensions: none were asked for.

    Raises ``ValueError``."""
    import cbor2  # noqa: PLC0415 - in the memory of a worker only from when somebody registers a key

    if end_of_item(attestation_object) != len(attestation_object):
        raise ValueError("more than one item")
    found = _decoded(attestation_object)
    data = found.get("authData") if isinstance(found, dict) else None
    if not isinstance(data, bytes) or len(data) < _HEADER_BYTES or not data[_FLAGS_AT] & _HAS_CREDENTIAL:
        raise ValueError("no credential in it")
    length_at = _HEADER_BYTES + _AAGUID_BYTES
    key_at = length_at + 2 + int.from_bytes(data[length_at : length_at + 2], "big")
    key_end = end_of_item(data, key_at)
    key = data[key_at:key_end]
    if cbor2.dumps(_decoded(key)) != key:  # the library finds the key's end by encoding it anew
        raise ValueError("the key is not canonical")
    has_extensions = data[_FLAGS_AT] & _HAS_EXTENSIONS
    if (end_of_item(data, key_end) if has_extensions else key_end) != len(data):
        raise ValueError("more than it says")
    plain = data[:_FLAGS_AT] + bytes([data[_FLAGS_AT] & ~_HAS_EXTENSIONS]) + data[_FLAGS_AT + 1 : key_end]
    return cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": plain})


def _decoded(data: bytes) -> Any:
    """Raises ``ValueError``."""
    import cbor2  # noqa: PLC0415 - as above

    try:
        return cbor2.loads(data)
    except Exception as error:  # it raises errors of many kinds
        raise ValueError(f"not CBOR ({type(error).__name__})") from error


def _verifiable(credential_id: bytes, response: dict[str, str]) -> dict[str, Any]:
    name = crypto.urlsafe(credential_id)
    return {"id": name, "rawId": name, "type": "public-key", "response": response}


def _bytes(members: dict[str, Any], name: str) -> bytes:
    value = members.get(name)
    try:
        return crypto.from_urlsafe(value) if isinstance(value, str) else _missing()
    except ValueError as error:
        raise refused(f"answer: {name}") from error


def _missing() -> bytes:
    raise ValueError("not there")


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
