"""The pages that tell a person how their account stands: the overview, and what happened to it."""

from __future__ import annotations

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from tests.accounts.own_pages import EVERY_PAGE, Owner
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser

PATH = "/account/activity"


def test_the_overview_tells_who_one_is_and_leads_to_every_part(owner: Owner) -> None:
    visit = owner.open("/account")
    for told in ("ada@example.com", "Email address confirmed", f"{clock.now():%Y-%m-%d, %H}", "signed in (1)"):
        assert told in visit.words
    leads_to = {part.split('"')[0] for part in visit.response.text.split('<a id="')[1:]}
    parts = {path for path in EVERY_PAGE if path.count("/") == 2}
    assert {f"/account/{identifier}" for identifier in leads_to} == parts


def test_it_tells_what_happened_the_newest_first(server: Server, user: TestUser, owner: Owner) -> None:
    web = make_app(server, client_name="Orders")
    web.tokens(web.log_in(owner.browser, user))
    stranger = Browser(server.app)
    stranger.http.environ_base["HTTP_X_FORWARDED_FOR"] = "198.51.100.7"
    stranger.sign_in(stranger.open("/account"), user.email, "wrong")
    words = owner.open(PATH).words
    failed, granted, signed_in = (
        words.index(text)
        for text in ("An attempt to sign in failed.", "An app was given access.", "Somebody signed in with the right")
    )
    assert failed < granted < signed_in
    for told in ("198.51.100.7 · by somebody who was not signed in", "192.0.2.44", "Orders"):
        assert told in words


def test_where_an_admin_was_and_who_is_not_told(server: Server, user: TestUser, owner: Owner) -> None:
    admin = server.user("boss@example.org", superuser=True)
    where = {"REMOTE_ADDR": "198.51.100.9"}
    with server.app.test_request_context(environ_base=where), server.database.transaction() as session:
        actor = Actor("user", str(admin.id))
        record(session, Event.USER_UPDATED, actor=actor, subject=str(user.id), user_id=user.id)
    words = owner.open(PATH).words
    assert "by an admin" in words
    assert "198.51.100.9" not in words
    assert str(admin.id) not in words


def test_nobody_sees_what_happened_to_others(server: Server, owner: Owner) -> None:
    other = make_app(server, client_name="Secret plans")
    other.tokens(other.log_in(Browser(server.app), server.user()))
    assert "Secret plans" not in owner.open(PATH).words


def test_it_comes_by_pages_and_nothing_is_missing_between_them(server: Server, user: TestUser, owner: Owner) -> None:
    with server.database.transaction() as session:
        for _ in range(30):
            record(
                session, Event.USER_PROFILE_UPDATED, actor=Actor("user", str(user.id)), subject=str(user.id),
                user_id=user.id,
            )  # fmt: skip
    first = owner.open(PATH)
    further = first.response.text.split(f'href="{PATH}?')[1].split('"')[0]
    second = owner.browser.open(f"{PATH}?{further}")
    assert "Show older ones" not in second.words
    told = [visit.words.count("The profile was changed.") for visit in (first, second)]
    assert (told, sum(told)) == ([25, 5], 30)
    assert "The profile was changed." in owner.browser.open(f"{PATH}?cursor=%27").words
