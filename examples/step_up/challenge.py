"""What a resource server asks for when a sign-in is not sure or not fresh enough (RFC 9470), on both of its sides."""

import re
import time
from dataclasses import dataclass
from typing import Any

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_TO_PASS_ON = ("acr_values", "max_age")


@dataclass(frozen=True)
class Demand:
    """``acr`` are the levels that will do, the one to ask for first; ``max_age`` is in seconds, None for any age."""

    acr: tuple[str, ...]
    max_age: int | None = None

    def is_met(self, claims: dict[str, Any], leeway: int = 60) -> bool:
        """Whether a verified access token says so (RFC 9068 §2.2.1); ``leeway``, in seconds, is for clocks."""
        if claims.get("acr") not in self.acr:
            return False
        signed_in = claims.get("auth_time")
        if self.max_age is None:
            return True
        return isinstance(signed_in, int) and time.time() - signed_in <= self.max_age + leeway

    @property
    def header(self) -> str:
        """The ``WWW-Authenticate`` that asks for it (RFC 9470 §3)."""
        parts = ['error="insufficient_user_authentication"', f'acr_values="{self.acr[0]}"']
        if self.max_age is not None:
            parts.append(f'max_age="{self.max_age}"')
        return f"Bearer {', '.join(parts)}"


def step_up_asked(status: int, header: str | None) -> dict[str, str] | None:
    """What an app has to add to its authorization request, when an API answered so; else None (RFC 9470 §4)."""
    told = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(header or "")}
    if status != 401 or told.get("error") != "insufficient_user_authentication":
        return None
    return {name: told[name] for name in _TO_PASS_ON if name in told}
