"""``oidc-server token inspect`` on refresh tokens: their state, found by digest, and nothing is used up."""

from __future__ import annotations

from datetime import timedelta

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.commands.command_line import CommandLine
from tests.commands.inspected_tokens import inspected
from tests.relying_party import Server, body_of


def test_a_good_refresh_token_tells_its_state_and_is_not_used_up(cli: CommandLine, server: Server) -> None:
    client, user = server.first_party(), server.user()
    token = server.sign_in(client, user)["refresh_token"]
    verdict = inspected(cli, token, good=True)
    assert verdict["kind"] == "refresh_token"
    assert verdict["generation"] == 0
    assert verdict["client_id"] == client.client_id
    assert verdict["sub"] == str(user.id)
    assert "expires in 29 days" in verdict["words"]
    assert server.refresh(client, token).status_code == 200


def test_a_used_refresh_token_says_what_sending_it_would_do_and_does_not_do_it(
    cli: CommandLine, server: Server
) -> None:
    client = server.first_party()
    first = server.sign_in(client, server.user())["refresh_token"]
    second = body_of(server.refresh(client, first))["refresh_token"]
    verdict = inspected(cli, first)
    assert verdict["reason"] == "refresh_token_superseded"
    assert "may be sent again until" in verdict["words"]
    clock.travel(timedelta(minutes=3))
    assert "taken for a thief" in inspected(cli, first)["words"]
    assert inspected(cli, second, good=True)["generation"] == 1
    assert server.refresh(client, second).status_code == 200


def test_an_unused_refresh_token_that_is_too_old_says_since_when(
    cli: CommandLine, server: Server, settings: Settings
) -> None:
    token = server.sign_in(server.first_party(), server.user())["refresh_token"]
    clock.travel(timedelta(seconds=settings.refresh_token_idle_lifetime + 3700))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "refresh_token_expired"
    assert "expired 1 hour ago" in verdict["words"]
