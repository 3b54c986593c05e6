"""X08: what a new epoch ends, for a database that has forgotten what was revoked."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from tests.commands.command_line import CommandLine, environment_of
from tests.log_lines import reason_logged
from tests.protocol.handmade import ASSERTION_TYPE, compact, public_jwk, signed_by
from tests.relying_party import Server, TestClient, error
from tests.running import ISSUER

KEY = generate_private_key(65537, 2048)
SECOND = timedelta(seconds=1)


@pytest.fixture
def cli(settings: Settings) -> CommandLine:
    """The command line on the database of the application under test."""
    return CommandLine(environment_of(settings))


@pytest.fixture
def skew(settings: Settings) -> timedelta:
    """By how much another host's clock may be ahead."""
    return timedelta(seconds=settings.clock_skew_bound)


def begin_epoch(cli: CommandLine) -> None:
    result = cli.run("db", "begin-epoch", "--yes")
    assert result.exit_code == 0, result.output


def test_grants_from_before_are_refused_and_new_ones_are_good(
    server: Server, cli: CommandLine, skew: timedelta, capsys: pytest.CaptureFixture[str]
) -> None:
    web, service, person = server.first_party(), server.client(), server.user()
    before = server.sign_in(web, person)
    begin_epoch(cli)
    refused = server.refresh(web, before["refresh_token"])
    assert error(refused) == (400, "invalid_grant")
    assert reason_logged(capsys, refused) == Reason.EPOCH_OVER
    for token in (before["access_token"], before["refresh_token"]):
        assert server.introspect(web, token) == {"active": False}
    clock.travel(skew + SECOND)
    after = server.sign_in(web, person)
    assert server.introspect(web, after["access_token"])["active"] is True
    assert server.refresh(web, after["refresh_token"]).status_code == 200
    assert server.token(service).status_code == 200


def test_a_client_s_own_tokens_from_before_are_refused(server: Server, cli: CommandLine, skew: timedelta) -> None:
    """The list of revoked tokens may have lost some."""
    service = server.client()
    token = server.token(service).get_json()["access_token"]
    assert server.introspect(service, token)["active"] is True
    begin_epoch(cli)
    assert server.introspect(service, token) == {"active": False}
    clock.travel(skew + SECOND)
    assert server.introspect(service, server.token(service).get_json()["access_token"])["active"] is True


def test_what_a_host_whose_clock_is_ahead_issued_before_is_refused_too(
    server: Server, cli: CommandLine, skew: timedelta
) -> None:
    web, person = server.first_party(), server.user()
    clock.travel(skew - SECOND)
    before = server.sign_in(web, person)
    clock.travel(SECOND - skew)
    begin_epoch(cli)
    assert error(server.refresh(web, before["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize("says_when", [True, False])
def test_a_client_assertion_from_before_cannot_be_used_again(
    server: Server, cli: CommandLine, skew: timedelta, says_when: bool
) -> None:
    """Its use may have been forgotten, here by deleting the row."""
    client = server.client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(KEY)]})
    spent = assertion(client, says_when)
    assert ask(server, spent) == 200
    clock.travel(SECOND)
    begin_epoch(cli)
    server.forget_used_assertions()
    assert ask(server, spent) == 401
    clock.travel(skew + timedelta(seconds=300))
    assert ask(server, assertion(client, says_when)) == 200


def assertion(client: TestClient, says_when: bool) -> str:
    """A client assertion (RFC 7523 §3), with or without the time at which it was made."""
    now = clock.timestamp()
    claims = {
        "iss": client.client_id, "sub": client.client_id, "aud": ISSUER, "exp": now + 250, "jti": secrets.token_hex(),
    } | ({"iat": now} if says_when else {})  # fmt: skip
    return compact({"alg": "RS256"}, claims, signed_by(KEY, "RS256"))


def ask(server: Server, signed: str) -> int:
    """Ask for a token with an assertion; the status."""
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    return server.post("/oauth/token", **form).status_code


def test_the_command_asks_first_says_what_is_left_to_do_and_is_recorded(server: Server, cli: CommandLine) -> None:
    web, person = server.first_party(), server.user()
    before = server.sign_in(web, person)
    declined = cli.run("db", "begin-epoch", given="n\n")
    assert (declined.exit_code, "sign in again" in declined.output) == (1, True)
    renewed = server.refresh(web, before["refresh_token"])
    assert renewed.status_code == 200
    done = cli.run("db", "begin-epoch", given="y\n")
    assert done.exit_code == 0
    assert "for up to 900 s" in done.output
    assert "for you to repeat" in done.output
    [epoch] = server.epochs()
    [event] = server.audit("epoch.begun", str(epoch.id))
    assert (event.actor_kind, event.detail) == ("operator", {"began_at": epoch.began_at.isoformat()})
    shown = cli.run("token", "inspect", renewed.get_json()["access_token"])
    assert shown.exit_code == 1
    assert "before the present epoch" in shown.output
    listed = cli.json("users", "show", person.email)
    assert listed["sessions"] == 0
