"""Modules of the Basic and Form Post OP plans that are about the authorization request (oidcc-…)."""

from __future__ import annotations

from dataclasses import replace

from tests.app_login import CALLBACK
from tests.browsing import Browser
from tests.certification.answers import check_error_page
from tests.certification.conformance import FIRST_TIME, Conformance, make_client
from tests.relying_party import Server, error


def test_server(conformance: Conformance) -> None:
    flow = conformance.flow()
    assert flow.pages == FIRST_TIME
    assert flow.userinfo == {"sub": flow.id_token["sub"]}


def test_response_type_missing(conformance: Conformance) -> None:
    assert conformance.refusal(response_type=None) in {"unsupported_response_type", "invalid_request"}


def test_ensure_request_without_nonce_succeeds_for_code_flow(conformance: Conformance) -> None:
    assert "nonce" not in conformance.flow(nonce=None).id_token


def test_alternate_happy_flow(conformance: Conformance) -> None:
    asked = conformance.request(scope="email openid")
    reordered = dict(sorted(asked.items(), reverse=True))
    assert list(reordered) != list(asked)
    assert {"email", "email_verified"} < set(conformance.finish(asked, conformance.send(reordered)).userinfo)


def test_display_page(conformance: Conformance) -> None:
    conformance.flow(display="page")


def test_display_popup(conformance: Conformance) -> None:
    conformance.flow(display="popup")


def test_ensure_request_with_unknown_parameter_succeeds(conformance: Conformance) -> None:
    conformance.flow(extra="foobar")


def test_ensure_registered_redirect_uri(conformance: Conformance) -> None:
    for unregistered in (f"{CALLBACK}/k3Wq9zTn", f"{CALLBACK}?foo=bar", "https://elsewhere.example.com/callback", None):
        check_error_page(conformance.send(conformance.request(redirect_uri=unregistered)))


def test_ensure_post_request_succeeds(conformance: Conformance) -> None:
    """The form of the authorization request is on a page of the client, so that no CSRF token of ours can be in it."""
    asked = conformance.request()
    visit = conformance.browser.post(
        conformance.server.metadata["authorization_endpoint"], asked, headers={"Origin": "https://app.example.com"}
    )
    assert conformance.finish(asked, visit).pages == FIRST_TIME


def test_server_client_secret_post(server: Server, conformance: Conformance) -> None:
    app = make_client(server, token_endpoint_auth_method="client_secret_post")
    assert app.client.method == "client_secret_post"
    replace(conformance, app=app).flow()


def test_ensure_request_with_valid_pkce_succeeds(conformance: Conformance) -> None:
    conformance.app.pkce = True
    asked = conformance.request()
    assert asked["code_challenge_method"] == "S256"
    flow = conformance.finish(asked, conformance.send(asked))
    assert flow.pages == FIRST_TIME


def test_ensure_request_with_valid_pkce_succeeds_only_with_the_verifier(conformance: Conformance) -> None:
    """Not asked by the plan: otherwise a server that ignores PKCE would pass the module."""
    conformance.app.pkce = True
    conformance.flow()
    answer = conformance.send(conformance.request()).answer
    for verifier in (None, "x" * 43):
        assert error(conformance.app.redeem(answer["code"], code_verifier=verifier)) == (400, "invalid_grant")
    assert conformance.app.redeem(answer["code"]).status_code == 200


def test_the_modules_begin_with_a_browser_that_nobody_is_signed_in_with(conformance: Conformance) -> None:
    """The plan has a fresh cookie jar for every module; ours is one for every test."""
    assert conformance.browser.cookie("session") is None
    conformance.flow()
    assert conformance.browser.cookie("session") is not None
    assert Browser(conformance.server.app).cookie("session") is None
