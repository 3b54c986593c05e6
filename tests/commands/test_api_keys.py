"""``oidc-server api-keys``: a key works over HTTP at once, and what is taken away stops within the bound."""

from __future__ import annotations

from datetime import datetime, timedelta

from oidc_server.core import clock
from tests.commands.command_line import CommandLine
from tests.relying_party import Server

STRANGER = {"REMOTE_ADDR": "203.0.113.5"}
SERVICE = ("--name", "Prometheus", "--scope", "metrics:read")
AFTER_THE_CACHE = timedelta(seconds=4)


def opens(server: Server, key: str) -> bool:
    """Whether a key opens the metrics from elsewhere."""
    clock.travel(AFTER_THE_CACHE)
    response = server.http.get("/metrics", headers={"X-API-Key": key}, environ_overrides=STRANGER)
    assert response.status_code in {200, 404}
    return response.status_code == 200


def test_a_key_is_made_shown_rotated_and_revoked(cli: CommandLine, server: Server) -> None:
    made = cli.json("api-keys", "create", *SERVICE)
    assert opens(server, made["key"])
    shown = cli.json("api-keys", "show", made["id"])
    assert shown == {name: value for name, value in made.items() if name != "key"} | {
        "last_used_at": shown["last_used_at"]
    }
    assert shown["last_used_at"] is not None
    rotated = cli.json("api-keys", "rotate", made["prefix"])
    assert rotated["id"] == made["id"]
    assert opens(server, made["key"])
    assert opens(server, rotated["key"])
    revoked = cli.json("api-keys", "revoke", made["prefix"])
    assert revoked["status"] == "revoked"
    assert not opens(server, made["key"])
    assert not opens(server, rotated["key"])
    assert [one["status"] for one in cli.json("api-keys", "list")] == ["revoked"]
    for event in ("created", "rotated", "revoked"):
        [recorded] = server.audit(f"api_key.{event}", made["id"])
        assert recorded.actor_kind == "operator"


def test_a_rotation_without_an_overlap_ends_the_earlier_secret(cli: CommandLine, server: Server) -> None:
    made = cli.json("api-keys", "create", *SERVICE)
    rotated = cli.json("api-keys", "rotate", made["id"], "--overlap", "0")
    assert rotated["previous_expires_at"] is None
    assert not opens(server, made["key"])
    assert opens(server, rotated["key"])


def test_a_key_is_bound_to_networks_and_ends(cli: CommandLine, server: Server) -> None:
    networks = ("--network", "203.0.113.0/24", "--network", "2001:db8::/32")
    made = cli.json("api-keys", "create", *SERVICE, *networks, "--expires-in", "1h")
    elsewhere = cli.json("api-keys", "create", *SERVICE, "--network", "10.0.0.0/8")
    assert made["networks"] == ["203.0.113.0/24", "2001:db8::/32"]
    end = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(end - timedelta(hours=1)) < timedelta(seconds=1)
    assert opens(server, made["key"])
    assert not opens(server, elsewhere["key"])
    clock.travel(timedelta(hours=1))
    assert not opens(server, made["key"])
    assert cli.json("api-keys", "show", made["id"])["status"] == "expired"
    assert "expired" in cli.refusal("api-keys", "rotate", made["id"])
    renewed = cli.json("api-keys", "rotate", made["id"], "--expires-in", "1h")
    assert opens(server, renewed["key"])
    assert not opens(server, made["key"])


def test_the_words_say_what_to_do_with_the_key(cli: CommandLine) -> None:
    made = cli.run("api-keys", "create", *SERVICE)
    assert "shown this once" in made.stdout
    prefix = cli.json("api-keys", "list")[0]["prefix"]
    rotated = cli.run("api-keys", "rotate", prefix, "--overlap", "2h")
    assert "earlier secret works for " in rotated.stdout
    assert "ended now" in cli.run("api-keys", "rotate", prefix, "--overlap", "0").stdout
    assert "within 3 seconds" in cli.run("api-keys", "revoke", prefix).stdout
    listed = cli.run("api-keys", "list").stdout
    assert prefix in listed
    assert "revoked" in listed


def test_what_cannot_be_is_refused_in_one_line(cli: CommandLine) -> None:
    assert "scope" in cli.refusal("api-keys", "create", "--name", "Orders", "--scope", "")
    assert "network" in cli.refusal("api-keys", "create", *SERVICE, "--network", "10.0.0.1/8")
    assert "future" in cli.refusal("api-keys", "create", *SERVICE, "--expires-in", "0")
    made = cli.json("api-keys", "create", *SERVICE)
    for named in ("x", "oidc_AAAAAAAA", made["key"], "01900000-0000-7000-8000-000000000000"):
        for command in ("show", "rotate", "revoke"):
            said = cli.refusal("api-keys", command, named)
            assert "No API key" in said
            assert made["key"] not in said
    assert "days at most" in cli.refusal("api-keys", "rotate", made["id"], "--overlap", "91d")
    cli.json("api-keys", "revoke", made["id"])
    assert "revoked" in cli.refusal("api-keys", "rotate", made["id"])
