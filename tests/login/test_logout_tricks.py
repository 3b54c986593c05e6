"""F09: a logout that is not clearly of this session and its app is asked for first, and nobody is sent elsewhere."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.app_login import GOODBYE, App, make_app
from tests.browsing import Browser, Visit
from tests.protocol.handmade import compact, signed_by
from tests.relying_party import TestUser

LOGOUT = "/oauth/logout"
EVIL = "https://evil.example/"


class Person:
    """Somebody who is signed in, and what the app knows of them."""

    def __init__(self, web: App, user: TestUser) -> None:
        self.web, self.browser = web, Browser(web.server.app)
        self.tokens: dict[str, Any] = web.tokens(web.log_in(self.browser, user))
        self.hint: str = self.tokens["id_token"]

    def log_out(self, **parameters: str) -> Visit:
        """The app sends the browser to the logout."""
        return self.browser.open(f"{LOGOUT}?{urlencode(parameters)}")

    @property
    def is_signed_in(self) -> bool:
        """As the server says, and the app finds."""
        signed_in = "You are still signed in" in self.browser.open("/signed-out").words
        assert (self.web.userinfo(self.tokens["access_token"]).status_code == 200) == signed_in
        return signed_in


@pytest.fixture
def person(web: App, user: TestUser) -> Person:
    return Person(web, user)


def test_a_logout_without_a_hint_is_asked_for_first_f09(person: Person) -> None:
    """Any site can send a browser here."""
    for parameters in ({}, {"client_id": person.web.client.client_id}, {"logout_hint": "x"}, {"id_token_hint": ""}):
        visit = person.log_out(**parameters)
        assert visit.path.startswith("/sign-out")
        assert {"logout", "stay"} <= set(visit.form.buttons)
    visit = person.browser.post(LOGOUT, {"client_id": person.web.client.client_id})
    assert visit.path.startswith("/sign-out")
    assert person.is_signed_in
    assert "You are still signed in" in person.browser.press(visit, "stay").words
    assert person.is_signed_in
    assert person.browser.press(visit, "logout").path == "/signed-out"
    assert not person.is_signed_in


def test_after_the_question_the_person_goes_where_the_app_may_send_them_f09(person: Person) -> None:
    visit = person.log_out(client_id=person.web.client.client_id, post_logout_redirect_uri=GOODBYE, state="it's & <b>")
    assert visit.path.startswith("/sign-out")
    visit = person.browser.press(visit, "logout")
    assert visit.elsewhere == f"{GOODBYE}?state=it%27s+%26+%3Cb%3E"
    assert not person.is_signed_in


@pytest.mark.parametrize(
    "address",
    [
        EVIL, f"{GOODBYE}/", f"{GOODBYE}/../x", f"{GOODBYE}?", f"{GOODBYE}?x=1", f"{GOODBYE}#x", f"{GOODBYE}%2f",
        f"{GOODBYE};x", GOODBYE.upper(), GOODBYE.replace("https", "http"), GOODBYE.replace(".com", ".com:443"),
        GOODBYE.replace(".com", ".com."), GOODBYE.replace("https://", "https://x@"), f" {GOODBYE}", f"{GOODBYE}\t",
        f"{GOODBYE}\r\nSet-Cookie: a=b", GOODBYE[:-1], "//app.example.com/goodbye", "javascript:alert(1)", "goodbye",
        "https://app.example.com/callback",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_an_address_that_is_not_registered_f09(person: Person, address: str) -> None:
    """Registered as a redirect URI is not registered for this. Nothing is done then: an app that is so wrong may not be
    the app at all."""
    client_id = person.web.client.client_id
    question = person.log_out(client_id=client_id)
    for parameters in ({"client_id": client_id}, {"id_token_hint": person.hint}):
        visit = person.log_out(post_logout_redirect_uri=address, **parameters)
        assert (visit.status, visit.elsewhere) == (400, None)
        visit = person.browser.post(LOGOUT, {"post_logout_redirect_uri": address} | parameters)
        assert (visit.status, visit.elsewhere) == (400, None)
    form = question.form.fields | {"post_logout_redirect_uri": address, "answer": "yes"}
    visit = person.browser.post("/sign-out", form)
    assert (visit.status, visit.elsewhere) == (400, None)
    assert person.is_signed_in


def test_without_a_client_no_address_is_gone_to_f09(person: Person) -> None:
    visit = person.log_out(post_logout_redirect_uri=GOODBYE)
    assert (visit.status, visit.elsewhere) == (400, None)
    assert person.is_signed_in


def test_another_client_s_address_is_not_gone_to_f09(person: Person) -> None:
    other = make_app(person.web.server, post_logout_redirect_uris=("https://other.example.com/bye",))
    for parameters in ({"client_id": person.web.client.client_id}, {"id_token_hint": person.hint}):
        visit = person.log_out(post_logout_redirect_uri="https://other.example.com/bye", **parameters)
        assert (visit.status, visit.elsewhere) == (400, None)
    visit = person.log_out(client_id=other.client.client_id, id_token_hint=person.hint)
    assert visit.status == 400
    assert person.is_signed_in


def test_a_disabled_client_sends_nobody_anywhere_f09(person: Person) -> None:
    person.web.server.disable(person.web.client)
    clock.travel(timedelta(seconds=10))
    visit = person.log_out(id_token_hint=person.hint, post_logout_redirect_uri=GOODBYE)
    assert (visit.status, visit.elsewhere) == (400, None)


# Hints

Forge = Callable[[Person], str]


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return decoded(header), decoded(payload), signature


def decoded(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=="))
    return value


def encoded(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def altered(person: Person) -> str:
    header, claims, signature = parts_of(person.hint)
    return f"{encoded(header)}.{encoded(claims | {'aud': 'another'})}.{signature}"


def unsigned(person: Person) -> str:
    header, claims, _ = parts_of(person.hint)
    return f"{encoded(header | {'alg': 'none'})}.{encoded(claims)}."


def signed_by_somebody_else(person: Person) -> str:
    header, claims, _ = parts_of(person.hint)
    return compact(header, claims, signed_by(generate_private_key(65537, 2048), "RS256"))


def an_access_token(person: Person) -> str:
    token: str = person.tokens["access_token"]
    return token


def cut(person: Person) -> str:
    return person.hint[:-2]


def without_a_signature(person: Person) -> str:
    return person.hint.rpartition(".")[0] + "."


@pytest.mark.parametrize(
    "forge",
    [
        altered, unsigned, signed_by_somebody_else, an_access_token, cut, without_a_signature,
        lambda person: "nonsense", lambda person: "a.b.c", lambda person: "..", lambda person: "e30.e30.",
    ],
)  # fmt: skip
def test_a_forged_hint_signs_nobody_out_f09(person: Person, forge: Forge) -> None:
    hint = forge(person)
    for more in ({}, {"post_logout_redirect_uri": GOODBYE}, {"client_id": person.web.client.client_id}):
        visit = person.log_out(id_token_hint=hint, **more)
        assert (visit.status, visit.elsewhere) == (400, None), visit.words
        assert person.browser.post(LOGOUT, {"id_token_hint": hint} | more).status == 400
    assert person.is_signed_in


def test_an_expired_hint_of_this_session_is_good_f09(person: Person, settings: Settings) -> None:
    """RP-Initiated Logout 1.0 §2: it only says whom the app means."""
    clock.travel(timedelta(seconds=settings.id_token_lifetime + 60))
    visit = person.log_out(id_token_hint=person.hint, post_logout_redirect_uri=GOODBYE)
    assert visit.elsewhere == GOODBYE
    assert "You are signed out" in person.browser.open("/signed-out").words


def test_a_hint_of_another_person_s_session_is_asked_about_first_f09(person: Person) -> None:
    """The attacker has an ID Token of their own, and makes a victim's browser follow a link with it."""
    attacker = Person(person.web, person.web.server.user())
    visit = person.log_out(id_token_hint=attacker.hint, post_logout_redirect_uri=GOODBYE)
    assert visit.path.startswith("/sign-out")
    assert person.is_signed_in
    assert attacker.is_signed_in


def test_a_hint_of_another_session_of_the_same_person_is_asked_about_first_f09(web: App, user: TestUser) -> None:
    here, there = Person(web, user), Person(web, user)
    assert here.log_out(id_token_hint=there.hint).path.startswith("/sign-out")
    assert here.is_signed_in
    assert there.is_signed_in


def test_a_repeated_or_overlong_parameter_ends_in_a_page_f09(person: Person) -> None:
    visit = person.browser.open(f"{LOGOUT}?id_token_hint={person.hint}&id_token_hint={person.hint}")
    assert (visit.status, visit.elsewhere) == (400, None)
    assert person.log_out(id_token_hint=person.hint, state="x" * 20_000).status == 400
    assert person.log_out(id_token_hint="x" * 20_000).status == 400
    assert person.is_signed_in


@pytest.mark.parametrize("path", ["/sign-out", "/sign-out?answer=yes", "/sign-out?answer=yes&csrf_token=x"])
def test_the_question_is_not_answered_by_an_address_f09(person: Person, path: str) -> None:
    assert {"logout", "stay"} <= set(person.browser.open(path).form.buttons)
    assert person.is_signed_in


def test_the_question_belongs_to_the_session_it_was_asked_in_f09(person: Person) -> None:
    """Another person has signed in meanwhile, in another tab: they have not been asked."""
    question, other = person.log_out(), person.web.server.user()
    visit = person.web.open(person.browser, prompt="login")
    person.browser.sign_in(visit, other.email, other.password)
    assert person.browser.press(question, "logout").status == 403
    assert "You are still signed in" in person.browser.open("/signed-out").words


def test_who_is_not_signed_in_is_not_asked_and_goes_only_where_a_hint_says_f09(person: Person) -> None:
    assert person.log_out(id_token_hint=person.hint, post_logout_redirect_uri=GOODBYE).elsewhere == GOODBYE
    assert person.log_out(id_token_hint=person.hint, post_logout_redirect_uri=GOODBYE).elsewhere == GOODBYE
    visit = person.log_out(client_id=person.web.client.client_id, post_logout_redirect_uri=GOODBYE)
    assert (visit.path, visit.elsewhere) == ("/signed-out", None)
    assert person.log_out(id_token_hint=person.hint, post_logout_redirect_uri=EVIL).status == 400
