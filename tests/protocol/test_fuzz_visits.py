"""Whatever a browser sends to the pages and endpoints of a login, the answer is a page, a redirect to a registered
address, or an OAuth error: never a fault, and never another address."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.fuzzed_visits import KINDS, Change, Right, Stage, changes, claims_texts, environ_of, more_headers
from tests.protocol.fuzzing import FUZZ, assert_no_fault, perform
from tests.relying_party import Server, body_of

pytestmark = pytest.mark.slow

GROUPS = {
    "requests": ["request", "posted request", "request for a form", "request with claims", "continuation"],
    "pages": ["sign-in page", "sign-in", "consent page", "consent", "denial", "account page", "account"],
    "logout": ["logout by hint", "posted logout", "sign-out page", "sign-out"],
    "tokens": ["userinfo", "posted userinfo", "exchange"],
}


@pytest.fixture
def stage(server: Server) -> Stage:
    return Stage(server)


def test_every_right_request_succeeds_when_nothing_is_changed(stage: Stage) -> None:
    """Otherwise the tests below would say nothing."""
    assert sorted(kind for group in GROUPS.values() for kind in group) == sorted(KINDS)
    for kind in KINDS:
        answer = perform(stage.browser.http, environ_of(stage.right(kind), [], {}))
        assert answer.status_code in {200, 303}, (kind, answer.text)
        assert "error=" not in answer.headers.get("Location", ""), kind


@pytest.mark.parametrize("group", GROUPS)
def test_no_almost_right_visit_is_answered_with_a_fault_a13_a14_b11_w02_w09_w12(
    stage: Stage, group: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answers: Counter[int] = Counter()
    texts = stage.texts

    @FUZZ
    @given(st.sampled_from(GROUPS[group]), st.lists(changes(texts), max_size=3), more_headers())
    def run(kind: str, made: list[Change], headers: dict[str, str]) -> None:
        answers[perform(stage.browser.http, environ_of(stage.right(kind), made, headers)).status_code] += 1

    run()
    assert_no_fault(capfd)
    assert answers[200] + answers[303] > 30, answers  # it got further than the first check


def test_what_fuzzing_has_found_stays_mended_w02(stage: Stage) -> None:
    """W02: bytes that are no URI, and a NUL in the name of a client."""
    stage.sign_in()
    visits = ("sign-in page", "consent page", "sign-out page", "userinfo", "request", "continuation", "account page")
    for path in sorted({KINDS[kind](stage).path for kind in visits}):
        for query in ("\x80", "interaction=\xff\xfe"):
            perform(stage.browser.http, {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query})
    for path in ("/sign-out", "/oauth/logout", "/oauth/authorize"):
        assert (
            perform(stage.browser.http, environ_of(Right("GET", path, [("client_id", b"\0")]), [], {})).status_code
            == 400
        )
    out = stage.right("sign-out")
    form = [*out.form, ("client_id", b"\0")]
    assert perform(stage.browser.http, environ_of(Right("POST", out.path, [], form), [], {})).status_code == 400


def test_no_claims_parameter_is_answered_with_a_fault_w02_w16(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """W02, W16: nor is what follows: the pages, the exchange of the code, and userinfo."""
    rp, ends = stage.rp, Counter[str]()

    @FUZZ
    @given(claims_texts, st.sampled_from(["none", "login", "consent", None]))
    def run(claims: str, prompt: str | None) -> None:
        stage.server.forget_limits()
        visit = rp.log_in(stage.browser, stage.user, claims=claims, prompt=prompt)
        assert visit.elsewhere is not None, visit.words
        ends["error" if "error" in visit.answer else "code"] += 1
        if "code" in visit.answer:
            tokens = body_of(rp.redeem(rp.code(visit)))
            assert (
                rp.id_token(tokens)["sub"] == body_of(rp.userinfo(tokens["access_token"]))["sub"] == str(stage.user.id)
            )

    run()
    assert_no_fault(capfd)
    assert min(ends["error"], ends["code"]) > 20, ends
