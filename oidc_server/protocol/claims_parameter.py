"""The ``claims`` request parameter (OpenID Connect Core §5.5): claims asked for one by one, and where they go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidRequest

_CLAIMS_AT_MOST = 100
_LEVELS_AT_MOST = 10
_MEMBERS = ("userinfo", "id_token")


@dataclass(frozen=True)
class ClaimsRequest:
    """Names of claims, and for each what was said about it: None, or ``essential``, ``value``, ``values``."""

    userinfo: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    id_token: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, list[str]]:
        """The names alone, by where the claims go; nothing for what was not asked for."""
        return {member: sorted(asked) for member in _MEMBERS if (asked := getattr(self, member))}

    def wanted(self, name: str) -> tuple[Any, ...]:
        """The values that an ID Token may have for a claim, in order of preference; empty when any will do."""
        asked = self.id_token.get(name) or {}
        return tuple(asked.get("values", ())) or ((asked["value"],) if "value" in asked else ())

    def is_essential(self, name: str) -> bool:
        """Whether an ID Token without this claim is of no use to the client."""
        return bool((self.id_token.get(name) or {}).get("essential"))


def parse_claims(text: str | None) -> ClaimsRequest:
    """The request in a ``claims`` parameter. Raises :class:`InvalidRequest`."""
    if not text:
        return ClaimsRequest()
    try:
        members = orjson.loads(text)  # strict: no infinity, no lone surrogates (RFC 8259 §6, RFC 7493 §2.1)
    except ValueError as error:
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "claims") from error
    # No database keeps a NUL, and what is too deep cannot be walked through.
    if "\\u0000" in text or not _is_shallow(members, _LEVELS_AT_MOST):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "claims")
    return read_claims(members)


def read_claims(members: Any) -> ClaimsRequest:
    """The request in the parsed parameter; members that are not known are ignored. Raises :class:`InvalidRequest`."""
    if not isinstance(members, dict):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "claims")
    return ClaimsRequest(**{name: _member(members.get(name)) for name in _MEMBERS})


def _is_shallow(value: Any, levels: int) -> bool:
    """Whether no list or object in the value is deeper than so many levels."""
    if not isinstance(value, dict | list):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(one, levels - 1) for one in inside)


def _member(asked: Any) -> dict[str, dict[str, Any] | None]:
    if asked is None:
        return {}
    if not isinstance(asked, dict) or len(asked) > _CLAIMS_AT_MOST:
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "claims")
    for told in asked.values():
        if told is not None and not _is_told_well(told):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "claims")
    return asked


def _is_told_well(told: Any) -> bool:
    """OpenID Connect Core §5.5.1."""
    return (
        isinstance(told, dict)
        and isinstance(told.get("essential", False), bool)
        and isinstance(told.get("values", []), list)
    )
