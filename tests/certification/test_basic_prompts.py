"""Modules of the Basic and Form Post OP plans that are about who is asked, when, and how (oidcc-…)."""

from __future__ import annotations

from datetime import timedelta

from oidc_server.core import clock
from tests.certification.checks import Flow, login_in
from tests.certification.conformance import FIRST_TIME, PAGE_NEEDED, SIGN_IN, Conformance

RECENT_SECONDS = 5


def check_same_login(first: Flow, second: Flow) -> None:
    """The second time nobody was asked anything, and both ID Tokens are about one login."""
    assert (first.pages, second.pages) == (FIRST_TIME, ())
    assert login_in(second.id_token) == login_in(first.id_token)


def check_new_login(first: Flow, second: Flow) -> None:
    """The second time the person signed in again, and the ID Token says when."""
    assert (first.pages, second.pages) == (FIRST_TIME, (SIGN_IN,))
    assert second.id_token["sub"] == first.id_token["sub"]
    assert second.id_token["auth_time"] > first.id_token["auth_time"]
    assert clock.timestamp() - second.id_token["auth_time"] <= RECENT_SECONDS


def test_prompt_login(conformance: Conformance) -> None:
    first = conformance.flow()
    clock.travel(timedelta(seconds=1))
    check_new_login(first, conformance.flow(prompt="login"))


def test_prompt_none_not_logged_in(conformance: Conformance) -> None:
    assert conformance.refusal(prompt="none") in PAGE_NEEDED


def test_prompt_none_logged_in(conformance: Conformance) -> None:
    first = conformance.flow()
    clock.travel(timedelta(seconds=1))
    check_same_login(first, conformance.flow(prompt="none"))


def test_max_age_1(conformance: Conformance) -> None:
    first = conformance.flow()
    clock.travel(timedelta(seconds=2))
    check_new_login(first, conformance.flow(max_age="1"))


def test_max_age_10000(conformance: Conformance) -> None:
    first = conformance.flow(max_age="15000")
    clock.travel(timedelta(seconds=2))
    check_same_login(first, conformance.flow(max_age="10000"))


def test_id_token_hint(conformance: Conformance) -> None:
    first = conformance.flow()
    clock.travel(timedelta(seconds=1))
    check_same_login(first, conformance.flow(prompt="none", id_token_hint=first.tokens["id_token"]))


def test_login_hint(conformance: Conformance) -> None:
    """The suite's own hint names nobody; a name that it is configured with is that of the person."""
    nobody = "buffy@login.example.com"
    assert conformance.send(conformance.request(login_hint=nobody)).form.fields["login"] == nobody
    asked = conformance.request(login_hint=conformance.person.email)
    visit = conformance.send(asked)
    assert visit.form.fields["login"] == conformance.person.email
    conformance.finish(asked, visit)


def test_ui_locales(conformance: Conformance) -> None:
    """``se``, Northern Sami, is what the suite asks for when it is not told otherwise."""
    asked = conformance.request(ui_locales="se")
    visit = conformance.send(asked)
    assert visit.response.headers["Content-Language"] in conformance.server.metadata["ui_locales_supported"]
    conformance.finish(asked, visit)


def test_claims_locales(conformance: Conformance) -> None:
    conformance.flow(claims_locales="se")


def test_ensure_request_with_acr_values_succeeds(conformance: Conformance) -> None:
    offered = conformance.server.metadata["acr_values_supported"]
    assert conformance.flow(acr_values=" ".join(offered)).id_token["acr"] in offered
    conformance.flow(acr_values="1 2")  # what the suite asks for where nothing is offered
