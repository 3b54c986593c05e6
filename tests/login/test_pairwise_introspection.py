"""A client with pairwise subjects learns no other name of the person by introspection (OpenID Connect Core §8.1)."""

from __future__ import annotations

from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server


def test_every_token_of_a_pairwise_client_names_the_person_alike(server: Server) -> None:
    app, user = make_app(server, subject_type="pairwise"), server.user()
    tokens = app.tokens(app.log_in(Browser(server.app), user))
    sub = app.id_token(tokens)["sub"]
    assert sub != str(user.id)
    for name in ("access_token", "refresh_token"):
        assert server.introspect(app.client, tokens[name])["sub"] == sub
    assert (app.userinfo(tokens["access_token"]).json or {})["sub"] == sub
