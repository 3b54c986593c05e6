"""Pairwise subjects (OpenID Connect Core §8.1): two sectors cannot tell that they know the same person."""

from __future__ import annotations

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser, body_of


def pairwise(server: Server, host: str) -> App:
    """An app of a sector."""
    callback = f"https://{host}/callback"
    app = make_app(server, redirect_uris=(callback,), post_logout_redirect_uris=(), subject_type="pairwise")
    app.redirect_uri = callback
    return app


def subjects(app: App, browser: Browser, user: TestUser) -> set[str]:
    """Everything by which the app is told who somebody is."""
    tokens = app.tokens(app.log_in(browser, user))
    access = app.server.verify(tokens["access_token"])
    told = body_of(app.userinfo(tokens["access_token"]))["sub"]
    introspected = app.server.introspect(app.client, tokens["access_token"])["sub"]
    refreshed = body_of(app.server.refresh(app.client, tokens["refresh_token"]))
    again = app.id_token(refreshed, nonce=False)["sub"]
    return {app.id_token(tokens)["sub"], access["sub"], told, introspected, again}


def test_a_sector_is_told_one_subject_everywhere_and_another_one_than_the_next(server: Server) -> None:
    user, browser = server.user(), Browser(server.app)
    diary, mail, also_mail = (pairwise(server, f"{name}.example.com") for name in ("diary", "mail", "mail"))
    of_diary, of_mail, of_also_mail = (subjects(app, browser, user) for app in (diary, mail, also_mail))
    assert len(of_diary) == len(of_mail) == 1
    assert of_mail == of_also_mail
    assert not of_diary & of_mail
    assert str(user.id) not in of_diary | of_mail
    assert subjects(diary, Browser(server.app), server.user()) != of_diary


def test_a_hint_of_a_pairwise_subject_is_understood(server: Server) -> None:
    user, browser, app = server.user(), Browser(server.app), pairwise(server, "diary.example.com")
    tokens = app.tokens(app.log_in(browser, user))
    sub = app.id_token(tokens)["sub"]
    silent = app.open(browser, prompt="none", id_token_hint=tokens["id_token"])
    assert app.id_token(app.tokens(silent))["sub"] == sub
    stranger = Browser(server.app)
    app.log_in(stranger, server.user())
    assert app.error(app.open(stranger, prompt="none", id_token_hint=tokens["id_token"])) == "login_required"
