"""Logging in to an app: from the authorization request to the tokens (OpenID Connect Core §3.1)."""

from __future__ import annotations

from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server


def test_a_person_signs_in_consents_and_the_app_gets_its_tokens(server: Server) -> None:
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    visit = app.open(browser, scope="openid email")
    assert visit.path.startswith("/sign-in")
    visit = browser.sign_in(visit, user.email, user.password)
    assert visit.path.startswith("/consent")
    tokens = app.tokens(browser.press(visit, "allow"))
    claims = app.id_token(tokens)
    assert claims["sub"] == str(user.id)
    assert app.userinfo(tokens["access_token"]).json == {
        "sub": str(user.id),
        "email": user.email,
        "email_verified": True,
    }
