"""Levels that an app asks for (RFC 9470): reached by a second factor, refused where they cannot be, not overstated."""

from __future__ import annotations

import json

import pytest

from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD, ACR_PHISHING_RESISTANT, ACR_TRUSTED_DEVICE
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.protocol.assurance import (
    BY_PASSKEY,
    BY_TOTP,
    PASSWORD_ALONE,
    TRUSTED,
    enrol,
    raise_sessions,
    signed_in_by,
)
from tests.protocol.authorizing import count_codes, refused, signed_in
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import set_policy

UNMET = "unmet_authentication_requirements"
SECOND_FACTOR = "/sign-in/second-factor?interaction="
CONTINUE = "/oauth/authorize/continue"


@pytest.fixture
def rp(server: Server) -> App:
    """An app of our own: nobody is asked for consent, which would come in between."""
    return make_app(server, first_party=True)


def essential(*values: object) -> str:
    """The ``claims`` of an app that cannot do without one of these levels."""
    return json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})


def asked_for_a_factor(rp: App, browser: Browser, **parameters: str) -> str:
    """The person is sent to the page for second factors, and ``prompt=none`` says so; where that page is."""
    before = count_codes(rp.server)
    assert refused(rp, rp.open(browser, prompt="none", **parameters)) == "interaction_required"
    response = browser.http.get(rp.address(**parameters).removeprefix(rp.metadata["issuer"]))
    assert response.headers["Location"].startswith(SECOND_FACTOR)
    assert count_codes(rp.server) == before
    return response.headers["Location"]


def acr_told(rp: App, browser: Browser, **parameters: str) -> str:
    """The level that the app is told, in both tokens and again when it refreshes them."""
    tokens = rp.tokens(rp.open(browser, prompt="none", **parameters))
    refreshed = body_of(rp.server.refresh(rp.client, tokens["refresh_token"]))
    told = {rp.id_token(tokens)["acr"], rp.id_token(refreshed, nonce=False)["acr"]}
    told |= {rp.server.verify(one["access_token"])["acr"] for one in (tokens, refreshed)}
    (acr,) = told
    return str(acr)


def test_a_level_that_is_not_reached_leads_to_a_second_factor_a19(rp: App, user: TestUser) -> None:
    browser = signed_in_by(rp, user, BY_TOTP, "totp", "webauthn")
    place = asked_for_a_factor(rp, browser, acr_values=ACR_PHISHING_RESISTANT)
    again = browser.http.get(f"{CONTINUE}?{place.partition('?')[2]}")
    assert again.headers["Location"] == place  # nobody jumps over it
    raise_sessions(rp.server, user, BY_PASSKEY)
    claims = rp.id_token(rp.tokens(browser.open(f"{CONTINUE}?{place.partition('?')[2]}")))
    assert (claims["acr"], claims["amr"]) == (ACR_PHISHING_RESISTANT, BY_PASSKEY)


def test_an_essential_acr_leads_there_too_a19(rp: App, user: TestUser) -> None:
    browser = signed_in_by(rp, user, BY_TOTP, "totp", "webauthn")
    asked_for_a_factor(rp, browser, claims=essential(ACR_PHISHING_RESISTANT))


def test_who_has_no_second_factor_is_asked_to_set_one_up_a19(rp: App, user: TestUser) -> None:
    browser = signed_in(rp, user)
    asked_for_a_factor(rp, browser, acr_values=ACR_MFA)
    asked_for_a_factor(rp, browser, acr_values=ACR_PHISHING_RESISTANT)
    set_policy(rp.server, user=user, methods=["totp"])
    assert refused(rp, rp.open(browser, acr_values=ACR_PHISHING_RESISTANT)) == UNMET  # no passkey may be made


def test_a_trusted_browser_is_not_enough_for_who_asks_for_the_factor(rp: App, user: TestUser) -> None:
    browser = signed_in_by(rp, user, TRUSTED, "totp")
    assert acr_told(rp, browser, acr_values=ACR_TRUSTED_DEVICE) == ACR_TRUSTED_DEVICE
    asked_for_a_factor(rp, browser, acr_values=ACR_MFA)


@pytest.mark.parametrize("way", ["acr_values", "claims"])
def test_a_level_that_the_person_cannot_reach_is_told_to_the_app_m26(rp: App, user: TestUser, way: str) -> None:
    """Whatever else is owed: nobody consents in vain."""
    rp = make_app(rp.server)
    browser = signed_in_by(rp, user, BY_TOTP, "totp")
    asked = {way: ACR_PHISHING_RESISTANT if way == "acr_values" else essential(ACR_PHISHING_RESISTANT)}
    before = count_codes(rp.server)
    assert refused(rp, rp.open(browser, **asked)) == UNMET
    assert refused(rp, rp.open(browser, prompt="none", **asked)) == UNMET
    assert count_codes(rp.server) == before


def test_a_level_that_nobody_knows_is_unmet_when_essential_and_ignored_otherwise_m26(rp: App, user: TestUser) -> None:
    browser = signed_in(rp, user)
    strange: tuple[tuple[object, ...], ...] = (("urn:example:gold",), ([], {}), (1, None), (ACR_MFA.upper(),))
    for values in strange:
        assert refused(rp, rp.open(browser, claims=essential(*values))) == UNMET, values
    assert acr_told(rp, browser, acr_values=f"urn:example:gold {ACR_MFA.upper()}") == ACR_PASSWORD
    assert acr_told(rp, browser, claims='{"id_token":{"acr":{"values":["urn:example:gold"]}}}') == ACR_PASSWORD


def test_what_is_told_is_the_first_asked_for_that_was_reached_and_never_more_m26(rp: App, user: TestUser) -> None:
    browser = signed_in_by(rp, user, BY_TOTP, "totp")
    for asked, told in (
        ({}, ACR_MFA),
        ({"acr_values": ACR_MFA}, ACR_MFA),
        ({"acr_values": f"{ACR_PHISHING_RESISTANT} {ACR_MFA} {ACR_PASSWORD}"}, ACR_MFA),
        ({"acr_values": f"{ACR_PASSWORD} {ACR_MFA}"}, ACR_PASSWORD),
        ({"claims": essential(ACR_PHISHING_RESISTANT, ACR_TRUSTED_DEVICE)}, ACR_TRUSTED_DEVICE),
        ({"claims": essential(ACR_MFA), "acr_values": ACR_PASSWORD}, ACR_MFA),
        ({"claims": '{"id_token":{"acr":{"value":"' + ACR_PHISHING_RESISTANT + '"}}}'}, ACR_MFA),
    ):  # fmt: skip
        assert acr_told(rp, browser, **asked) == told, asked


def test_one_level_of_several_is_enough_and_both_ways_to_ask_are_heeded(rp: App, user: TestUser) -> None:
    browser = signed_in(rp, user)
    assert acr_told(rp, browser, acr_values=f"{ACR_MFA} {ACR_PASSWORD}") == ACR_PASSWORD
    asked_for_a_factor(rp, browser, acr_values=ACR_PASSWORD, claims=essential(ACR_MFA))
    asked_for_a_factor(rp, browser, acr_values=ACR_MFA, claims=essential(ACR_PASSWORD))


def test_a_lower_level_that_was_told_takes_no_right_away(rp: App, user: TestUser) -> None:
    """What the person has done counts where a factor is demanded, and not what an app wanted to be told."""
    browser = signed_in_by(rp, user, BY_TOTP, "totp")
    set_policy(rp.server, user=user, level="required")
    assert acr_told(rp, browser, acr_values=ACR_PASSWORD) == ACR_PASSWORD


def test_a_new_sign_in_comes_before_the_second_factor(rp: App, user: TestUser) -> None:
    """Where both are owed, the password is first: no factor alone stands in for ``prompt=login`` or ``max_age``."""
    browser = signed_in_by(rp, user, BY_TOTP, "totp", "webauthn")
    for parameters in ({"prompt": "login"}, {"max_age": "0"}):
        visit = rp.open(browser, acr_values=ACR_PHISHING_RESISTANT, **parameters)
        assert visit.path.startswith("/sign-in?interaction="), parameters


def test_who_owes_a_factor_by_policy_gives_it_before_they_are_asked_to_consent_b14(
    server: Server, user: TestUser
) -> None:
    rp = make_app(server)
    browser = signed_in_by(rp, user, PASSWORD_ALONE, "totp")
    asked_for_a_factor(rp, browser)
    place = asked_for_a_factor(rp, browser, scope="openid email")
    assert browser.open(f"/consent?{place.partition('?')[2]}").path == place
    raise_sessions(rp.server, user, BY_TOTP)
    assert browser.open(f"{CONTINUE}?{place.partition('?')[2]}").path.startswith("/consent")


def test_a_factor_of_a_kind_that_does_not_count_here_is_none(rp: App, user: TestUser) -> None:
    browser = signed_in_by(rp, user, BY_TOTP, "totp", "webauthn")
    set_policy(rp.server, user=user, methods=["webauthn"])
    asked_for_a_factor(rp, browser)
    enrol(rp.server, user, "totp")  # then there is none to be given, and none has to be set up
    rp.code(rp.open(browser))
    set_policy(rp.server, user=user, level="required", methods=["webauthn"])
    asked_for_a_factor(rp, browser)
