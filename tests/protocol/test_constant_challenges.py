"""A code challenge or nonce that is always the same protects nobody: it is good for one person (RFC 9700 §2.1.1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.authorizations.sweep import KEPT_AFTER_END, sweep
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from tests.app_login import App, challenge_of, make_app
from tests.browsing import Browser
from tests.log_lines import log_lines
from tests.protocol.authorizing import count_codes, fresh_code, refused, signed_in
from tests.relying_party import Server, TestUser, body_of

VERIFIER = "v" * 43
CHALLENGE, NONCE = {"code_challenge": challenge_of(VERIFIER)}, {"nonce": "always-the-same"}


@pytest.mark.parametrize("constant", [CHALLENGE, NONCE, CHALLENGE | NONCE], ids=["challenge", "nonce", "both"])
def test_a_constant_is_refused_for_the_second_person_a26(
    rp: App, user: TestUser, constant: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A26: the app is told, it is counted, and the person signs in when the app has mended it."""
    fresh_code(rp, user, **constant)
    other, browser, before = rp.server.user(), Browser(rp.server.app), count_codes(rp.server)
    capfd.readouterr()
    visit = rp.log_in(browser, other, **constant)
    assert refused(rp, visit) == "invalid_request"
    (line,) = [line for line in log_lines(capfd) if line["event"] == "refused"]
    assert (line["reason"], line["client_id"]) == (Reason.CHALLENGE_NOT_FRESH, rp.client.client_id)
    assert line["error_id"] in visit.answer["error_description"]
    for prompt in ("none", None):
        assert refused(rp, rp.open(browser, prompt=prompt, **constant)) == "invalid_request"
    assert count_codes(rp.server) == before
    reader = rp.server.client(scope="metrics:read")
    bearer = {"Authorization": f"Bearer {body_of(rp.server.token(reader))['access_token']}"}
    metrics = rp.server.http.get("/metrics", headers=bearer).get_data(as_text=True)
    assert f'reason="{Reason.CHALLENGE_NOT_FRESH}"' in metrics
    assert rp.redeem(rp.code(rp.open(browser))).status_code == 200


def test_a_nonce_alone_protects_nobody_either_when_it_is_constant_a26(server: Server, user: TestUser) -> None:
    rp = make_app(server, require_pkce=False)
    rp.pkce = False
    fresh_code(rp, user, **NONCE)
    assert refused(rp, rp.log_in(Browser(server.app), server.user(), **NONCE)) == "invalid_request"


def test_a_page_that_is_loaded_again_gives_its_person_another_code_a26(rp: App, user: TestUser) -> None:
    """Also after the first code was used, after a new sign-in, and in another browser of theirs."""
    browser = signed_in(rp, user)
    address = rp.address()
    codes = [rp.code(browser.open(address)) for _ in range(3)]
    assert rp.redeem(codes[0]).status_code == 200
    clock.travel(timedelta(minutes=5))
    codes.append(rp.code(browser.open(address)))
    elsewhere = Browser(rp.server.app)
    codes.append(rp.code(elsewhere.sign_in(elsewhere.open(address), user.email, user.password)))
    assert len(set(codes)) == 5
    assert rp.redeem(codes[-1]).status_code == 200


def test_people_who_sign_in_at_once_do_not_meet_a26(rp: App) -> None:
    """What is fresh is good, however many there are, with a nonce, an empty one, or none."""
    for nonce in ({}, {"nonce": ""}, {"nonce": None}) * 2:
        fresh_code(rp, rp.server.user(), **nonce)


def test_two_clients_may_have_had_the_same_thought_a26(rp: App, user: TestUser) -> None:
    fresh_code(rp, user, **CHALLENGE, **NONCE)
    fresh_code(make_app(rp.server), rp.server.user(), **CHALLENGE, **NONCE)


def test_what_was_sent_is_forgotten_with_its_codes_a26(rp: App, user: TestUser) -> None:
    fresh_code(rp, user, **CHALLENGE)
    clock.travel(KEPT_AFTER_END + timedelta(minutes=2))
    other = rp.server.user()
    assert refused(rp, rp.log_in(Browser(rp.server.app), other, **CHALLENGE)) == "invalid_request"
    sweep(rp.server.database)
    fresh_code(rp, other, **CHALLENGE)
