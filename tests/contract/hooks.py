"""What schemathesis loads: how its requests authenticate, and where they come from.

Some requests end the session that they come with, so it is begun anew every few seconds; and each comes from another
address, because a single one would soon be refused for asking too often."""

from __future__ import annotations

import os
import secrets
from typing import Any

import httpx
import schemathesis

from tests.running import NO_TLS

URL, EMAIL, PASSWORD = "CONTRACT_URL", "CONTRACT_EMAIL", "CONTRACT_PASSWORD"
_SECONDS = 3


@schemathesis.auth(refresh_interval=_SECONDS)
class Admin:
    """The access token of an admin, who may do everything that a person may."""

    def get(self, case: Any, context: Any) -> str:
        """A new one."""
        body = {"email": os.environ[EMAIL], "password": os.environ[PASSWORD]}
        answer = httpx.post(f"{os.environ[URL]}/auth/login", json=body, headers=somewhere(), verify=NO_TLS, timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def set(self, case: Any, data: str, context: Any) -> None:
        """Send it along."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}", **somewhere()}


def somewhere() -> dict[str, str]:
    """An address that nobody has come from before."""
    return {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}
