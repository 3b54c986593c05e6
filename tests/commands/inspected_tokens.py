"""Inspecting tokens through the command line, and making such as no server would give out."""

from __future__ import annotations

import base64
import json
from typing import Any

from joserfc import jws
from joserfc.jwk import RSAKey

from oidc_server.core import clock
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.protocol.access_token import TYP
from tests.commands.command_line import CommandLine
from tests.relying_party import Server


def inspected(cli: CommandLine, token: str, *, good: bool = False) -> dict[str, Any]:
    """What the command says of a token, in JSON; in neither form does it print the token or its signature."""
    verdict: dict[str, Any] = cli.json("token", "inspect", token, exit_code=0 if good else 1)
    words = cli.run("token", "inspect", given=token)
    assert words.exit_code == (0 if good else 1)
    assert verdict["words"] in words.stdout
    printed = json.dumps(verdict) + words.output
    for piece in (token, token.rpartition(".")[2]):
        assert piece not in printed
    assert verdict["good"] is good
    assert (verdict["reason"] is None) is good
    return verdict


def jwt_of(header: Any, claims: Any, signature: str = "AAAA") -> str:
    """A JWT of anything; texts are taken as the JSON that they are."""
    return f"{_part(header)}.{_part(claims)}.{signature}"


def _part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Header, claims and signature."""
    header, claims, signature = token.split(".")
    return _object(header), _object(claims), signature


def _object(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return value


def signed_by_the_server(server: Server, **claims: Any) -> str:
    """An access token of any claims under the server's own key, which would never write these."""
    now = clock.timestamp()
    settled = {
        "iss": server.metadata["issuer"], "sub": "x", "aud": "https://api.example.com", "client_id": "x", "scope": "",
        "jti": "j", "iat": now, "exp": now + 900,
    }  # fmt: skip
    ring = server.app.extensions[KEY_RING]
    header, _, _ = parts_of(ring.sign({}, typ=TYP))
    material = next(key.material for key in ring.store.load() if key.record.kid == header["kid"])
    return jws.serialize_compact(header, json.dumps(settled | claims), RSAKey.import_key(material.pem()))


def signed_by_a_stranger(**claims: Any) -> str:
    """An access token under a key that is not the server's."""
    key = RSAKey.generate_key(2048)
    return jws.serialize_compact({"alg": "RS256", "typ": TYP, "kid": "a-strangers"}, json.dumps(claims), key)
