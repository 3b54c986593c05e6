"""Forms that another site sends: browsers add no cookie with ``SameSite=Lax``, so they are asked again by GET."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.app_login import GOODBYE, make_app
from tests.browsing import Browser
from tests.relying_party import Server

STRANGE = 'q"<>'


def test_an_authorization_request_from_another_site_knows_who_is_signed_in(server: Server) -> None:
    app, browser = make_app(server), Browser(server.app)
    app.log_in(browser, server.user())
    parameters = app.request(prompt="none")
    without_cookies = server.app.test_client().post("/oauth/authorize", data=parameters)
    assert without_cookies.status_code == 303
    location = urlsplit(without_cookies.headers["Location"])
    assert (location.netloc, location.path) == ("", "/oauth/authorize")
    assert dict(parse_qsl(location.query)) == parameters
    assert app.code(browser.open(without_cookies.headers["Location"]))


def test_a_logout_from_another_site_ends_the_session_or_asks_first_f09(server: Server) -> None:
    """F09: neither does the cookie go while the session stays, nor the session without a hint."""
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    tokens = app.tokens(app.log_in(browser, user))
    for form in ({"state": "x"}, {"client_id": app.client.client_id}):
        answer = server.app.test_client().post("/oauth/logout", data=form)
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (303, None)
        assert browser.open(answer.headers["Location"]).path.startswith("/sign-out")
        assert app.userinfo(tokens["access_token"]).status_code == 200
    form = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": GOODBYE}
    answer = server.app.test_client().post("/oauth/logout", data=form)
    assert answer.headers.get("Set-Cookie") is None
    assert browser.open(answer.headers["Location"]).elsewhere == GOODBYE
    assert app.userinfo(tokens["access_token"]).status_code == 401


def test_what_no_address_has_room_for_is_answered_as_it_is(server: Server) -> None:
    app, browser = make_app(server), Browser(server.app)
    parameters = app.request(nonce="n" * 4000, login_hint="l" * 4000)
    assert browser.post("/oauth/authorize", parameters).path.startswith("/sign-in")
    unencoded = urlencode(app.request()) + f"&state2={STRANGE}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.app.test_client().post("/oauth/authorize", data=unencoded, headers=headers)
    assert "state2" not in answer.headers.get("Location", "")
