"""Beyond 2038, over a leap day, and while the local clock is put forward or back: tokens are issued and refreshed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oidc_server.core import clock
from tests.relying_party import Server, body_of

INT4_END = 2**31
SECOND = timedelta(seconds=1)
INSTANTS = {
    "leap day": datetime(2028, 2, 29, 12, tzinfo=UTC),
    "end of a leap year": datetime(2028, 12, 31, 23, 59, 58, tzinfo=UTC),
    "the last seconds of int4": datetime(2038, 1, 19, 3, 14, 5, tzinfo=UTC),
    "after int4": datetime(2038, 1, 20, tzinfo=UTC),
    "no leap day": datetime(2100, 2, 28, 23, 59, 58, tzinfo=UTC),
    "after unsigned int4": datetime(2106, 2, 8, tzinfo=UTC),
}
CHANGES = {
    "put forward": datetime(2027, 3, 28, 1, tzinfo=UTC),
    "put back": datetime(2027, 10, 31, 1, tzinfo=UTC),
}


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    """A server of the test's own: one that has seen the future would not look at its keys again in the present."""
    return make_server()


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server's machine lives by the local time of a place that changes its clocks."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def go_to(instant: datetime) -> None:
    clock.travel(instant - clock.now())


@pytest.mark.parametrize("instant", INSTANTS.values(), ids=INSTANTS.keys())
def test_tokens_are_issued_verified_and_refreshed_x28(server: Server, instant: datetime) -> None:
    go_to(instant)
    web, service = server.first_party(), server.client()
    signed_in = server.sign_in(web, server.user(), scope="openid profile")
    claims = server.verify(signed_in["access_token"])
    assert claims["iat"] - instant.timestamp() < 5
    assert claims["exp"] == claims["iat"] + 900
    assert server.verify(signed_in["id_token"], audience=web.client_id, typ="JWT")["auth_time"] <= claims["iat"]
    assert server.introspect(web, signed_in["access_token"])["exp"] == claims["exp"]
    assert server.introspect(web, signed_in["refresh_token"])["exp"] > claims["exp"]

    clock.travel(5 * SECOND)
    refreshed = server.refresh(web, signed_in["refresh_token"])
    assert refreshed.status_code == 200, refreshed.json
    assert server.verify(body_of(refreshed)["access_token"])["iat"] >= claims["iat"] + 5
    own = body_of(server.token(service))["access_token"]
    assert server.introspect(service, own)["active"]
    assert server.revoke(service, own).status_code == 200
    assert server.introspect(service, own) == {"active": False}


def test_times_beyond_int4_are_what_the_database_gives_back_x28(server: Server) -> None:
    go_to(INSTANTS["after int4"])
    web, user = server.first_party(), server.user()
    refresh_token = server.sign_in(web, user)["refresh_token"]
    (event,) = server.audit("user.signed_in", str(user.id))
    assert event.occurred_at.timestamp() > INT4_END
    assert server.introspect(web, refresh_token)["exp"] > INT4_END + 29 * 86400


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.usefixtures("in_berlin")
def test_a_change_of_the_local_clock_makes_no_token_older_or_younger_x28(server: Server, change: datetime) -> None:
    go_to(change - 10 * SECOND)
    before = time.localtime(clock.seconds()).tm_hour
    web = server.first_party()
    signed_in = server.sign_in(web, server.user())
    successor = body_of(server.refresh(web, signed_in["refresh_token"]))["refresh_token"]

    go_to(change + 5 * SECOND)
    assert time.localtime(clock.seconds()).tm_hour != (before + 1) % 24, "the clock was not changed"
    again = server.refresh(web, signed_in["refresh_token"])
    assert again.status_code == 200, again.json
    assert body_of(again)["refresh_token"] == successor, "the grace window is 30 seconds, whatever the hour"

    issued = server.verify(signed_in["access_token"])["iat"]
    go_to(datetime.fromtimestamp(issued + 897, UTC))
    assert server.introspect(web, signed_in["access_token"])["active"]
    go_to(datetime.fromtimestamp(issued + 901, UTC))
    assert server.introspect(web, signed_in["access_token"]) == {"active": False}


def test_a_clock_that_jumps_forward_keeps_the_keys_x28(server: Server, make_server: Callable[..., Server]) -> None:
    """A machine without a battery begins in the past and is corrected by decades: the key that signs goes on."""
    client = server.client()
    kid = server.jwks()["keys"][0]["kid"]
    go_to(INSTANTS["after int4"])
    token = body_of(server.token(client))["access_token"]
    assert kid in {key["kid"] for key in server.jwks()["keys"]}
    assert server.verify(token)["client_id"] == client.client_id
    assert body_of(make_server().token(client))["scope"] == "orders:read orders:write"
