"""Modules of the Basic and Form Post OP plans that are about userinfo and its claims (oidcc-…).

That userinfo has every claim that was asked for and no other, each of the right type, and the ID Token none of them, is
checked by ``check_flow``."""

from __future__ import annotations

import json
from typing import Any

from tests.certification.checks import Flow, check_userinfo
from tests.certification.conformance import Conformance
from tests.certification.standard_claims import ADDRESS, PROFILE, SCOPE_CLAIMS, USERNAME


def ask(conformance: Conformance, flow: Flow, method: str, **arguments: Any) -> None:
    """Ask userinfo in some way; it says the same."""
    metadata = conformance.server.metadata
    path = metadata["userinfo_endpoint"].removeprefix(metadata["issuer"])
    response = conformance.server.http.open(path, method=method, **arguments)
    assert check_userinfo(response, flow.asked, sub=flow.id_token["sub"]) == flow.userinfo


def bearer(flow: Flow) -> dict[str, str]:
    return {"Authorization": f"Bearer {flow.tokens['access_token']}"}


def test_userinfo_get(conformance: Conformance) -> None:
    flow = conformance.flow()
    ask(conformance, flow, "GET", headers=bearer(flow))


def test_userinfo_post_header(conformance: Conformance) -> None:
    flow = conformance.flow()
    ask(conformance, flow, "POST", headers=bearer(flow))


def test_userinfo_post_body(conformance: Conformance) -> None:
    flow = conformance.flow()
    ask(conformance, flow, "POST", data={"access_token": flow.tokens["access_token"]})


def test_scope_profile(conformance: Conformance) -> None:
    userinfo = conformance.flow(scope="openid profile").userinfo
    told = {name: value for name, value in PROFILE.items() if name in SCOPE_CLAIMS["profile"]}
    assert userinfo.items() >= (told | {"preferred_username": USERNAME}).items()
    assert len(set(userinfo) - {"sub"}) == 14


def test_scope_email(conformance: Conformance) -> None:
    flow = conformance.flow(scope="openid email")
    assert (flow.userinfo["email"], flow.userinfo["email_verified"]) == (conformance.person.email, True)
    assert not {"email", "name"} & set(flow.id_token)


def test_scope_address(conformance: Conformance) -> None:
    assert conformance.flow(scope="openid address").userinfo["address"] == ADDRESS


def test_scope_phone(conformance: Conformance) -> None:
    userinfo = conformance.flow(scope="openid phone").userinfo
    assert (userinfo["phone_number"], userinfo["phone_number_verified"]) == (PROFILE["phone_number"], True)


def test_scope_all(conformance: Conformance) -> None:
    scope = "openid profile email address phone"
    assert set(scope.split()) <= set(conformance.server.metadata["scopes_supported"])
    userinfo = conformance.flow(scope=scope).userinfo
    assert userinfo.items() >= PROFILE.items()


def test_claims_essential(conformance: Conformance) -> None:
    flow = conformance.flow(claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
    assert flow.userinfo == {"sub": flow.id_token["sub"], "name": PROFILE["name"]}
    assert "name" not in flow.id_token
