"""``oidc-server keys``: words with times, JSON, refusals in one line, and what the audit keeps."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask
from sqlalchemy import delete, select

from oidc_server.audit.models import AuditEvent
from oidc_server.audit.service import SYSTEM
from oidc_server.commands.keys import rotate_when_due
from oidc_server.core import clock
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.database import Database, make_engine
from oidc_server.core.settings import Settings
from oidc_server.keys import service
from oidc_server.keys.lifecycle import NOTICE_BOUND, SWITCH_DELAY
from oidc_server.keys.models import SigningKeyRow
from oidc_server.keys.ring import current_key_ring
from tests.commands.command_line import CommandLine, environment_of
from tests.relying_party import Server, body_of

pytestmark = pytest.mark.usefixtures("_empty")


@pytest.fixture
def database_kind() -> str:
    """The commands do the same on both databases, which the tests of the store cover."""
    return "sqlite"


@pytest.fixture(params=["directory", "database"])
def key_store(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def key_directory(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(make_engine(database_url, pool_size=1, statement_timeout_ms=3000))


@pytest.fixture
def _empty(database: Database) -> None:
    with database.transaction() as session:
        session.execute(delete(SigningKeyRow))
    database.engine.dispose()


@pytest.fixture
def keys(settings: Settings, key_store: str) -> CommandLine:
    """The command line over an empty store that signs with a kind of key that is made quickly."""
    line = CommandLine(environment_of(settings))
    return line.with_variables(OIDC_KEY_STORE=key_store, OIDC_SIGNING_ALG="ES256")


@pytest.fixture
def audit(database: Database) -> Callable[[str], list[str]]:
    """The names of the events about a key, oldest first."""

    def events(kid: str) -> list[str]:
        with database.reading() as session:
            query = select(AuditEvent.event).where(AuditEvent.subject_id == kid).order_by(AuditEvent.id)
            return list(session.scalars(query))

    return events


def listed(keys: CommandLine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = keys.json("keys", "list")
    return found


def signing(keys: CommandLine) -> str:
    """A first key, made the way a start of the server makes it, that has signed for a day."""
    (first,) = keys.json("keys", "generate")["kids"]
    keys.json("keys", "activate", first)
    clock.travel(timedelta(days=1))
    return str(first)


def test_a_rotation_says_in_words_and_in_json_what_happens_next_and_when(keys: CommandLine) -> None:
    old = signing(keys)
    said = keys.run("keys", "rotate").stdout
    assert "announced now; signs from " in said
    assert "; the old key stays published until " in said
    by_kid = {key["kid"]: key for key in listed(keys)}
    (new,) = by_kid.keys() - {old}
    assert (by_kid[new]["state"], by_kid[new]["signs"], by_kid[new]["bits"]) == ("announced", False, 256)
    assert (by_kid[old]["state"], by_kid[old]["signs"]) == ("active", True)
    assert by_kid[old]["retires_at"] == by_kid[new]["activates_at"]
    again = keys.json("keys", "rotate")
    assert (again["changed"], again["kids"]) == (False, [])
    assert "announced already" in again["words"]


def test_a_hurried_rotation_signs_in_seconds(keys: CommandLine, key_store: str) -> None:
    """Hosts that share a database wait for what their clocks may differ by as well."""
    old = signing(keys)
    new = keys.json("keys", "rotate", "--now")["kids"][0]
    clock.travel(SWITCH_DELAY + timedelta(seconds=5 if key_store == "database" else 0))
    assert {key["kid"]: key["signs"] for key in listed(keys)} == {old: False, new: True}


def test_every_change_is_recorded_once_and_what_changes_nothing_is_not(
    keys: CommandLine, audit: Callable[[str], list[str]]
) -> None:
    kid = signing(keys)
    assert audit(kid) == ["key.generated", "key.activated"]
    keys.run("keys", "activate", kid)
    assert audit(kid) == ["key.generated", "key.activated"]
    new = keys.json("keys", "rotate")["kids"][0]
    keys.run("keys", "rotate")
    assert audit(new) == ["key.rotated"]
    keys.run("keys", "revoke", kid)
    keys.run("keys", "revoke", kid)
    clock.travel(timedelta(days=1))
    keys.run("keys", "prune")
    keys.run("keys", "prune")
    assert audit(kid) == ["key.generated", "key.activated", "key.revoked", "key.pruned"]


@pytest.mark.parametrize("command", ["activate", "revoke"])
@pytest.mark.parametrize(
    "kid", ["unknown", "../../etc/passwd", "a'; DROP TABLE signing_keys; --", "x" * 5000, "é\u202e\n"]
)
def test_an_unknown_key_id_is_one_line_and_changes_nothing(keys: CommandLine, command: str, kid: str) -> None:
    signing(keys)
    before = listed(keys)
    said = keys.refusal("keys", command, "--", kid)
    assert "No key has the id" in said
    assert len(said) < 200
    assert listed(keys) == before


def test_a_revoked_key_cannot_be_activated(keys: CommandLine) -> None:
    kid = signing(keys)
    keys.run("keys", "revoke", kid)
    assert "was revoked" in keys.refusal("keys", "activate", kid)


def test_a_revocation_says_who_takes_over(keys: CommandLine) -> None:
    kid = signing(keys)
    said = keys.run("keys", "revoke", kid).stdout
    assert "it left the JWKS" in said
    assert "nothing signs until then" in said
    assert "0 living authorizations" in said
    again = keys.run("keys", "revoke", kid).stdout
    assert "nothing was changed" in again
    assert "authorization" not in again


def test_a_revocation_counts_the_authorizations_that_it_touches(server: Server, settings: Settings) -> None:
    """E18"""
    client, user = server.first_party(), server.user()
    tokens = server.sign_in(client, user)
    kid = jwt.get_unverified_header(tokens["access_token"])["kid"]
    assert server.introspect(client, tokens["access_token"])["active"] is True
    done = CommandLine(environment_of(settings)).json("keys", "revoke", kid)
    assert done["authorizations"] == 1
    clock.travel(NOTICE_BOUND)
    assert server.introspect(client, tokens["access_token"])["active"] is False
    clock.travel(SWITCH_DELAY)
    refreshed = body_of(server.refresh(client, tokens["refresh_token"]))
    assert jwt.get_unverified_header(refreshed["access_token"])["kid"] != kid
    server.verify(refreshed["access_token"])


def test_the_public_keys_are_exported_as_a_jwks(keys: CommandLine) -> None:
    kid = signing(keys)
    exported = json.loads(keys.run("keys", "export").stdout)
    assert exported == keys.json("keys", "export")
    assert [(key["kid"], key["alg"], "d" in key) for key in exported["keys"]] == [(kid, "ES256", False)]


def test_a_private_key_is_exported_only_when_asked_for_twice_and_recorded(
    keys: CommandLine, audit: Callable[[str], list[str]]
) -> None:
    kid = signing(keys)
    assert "--yes" in keys.refusal("keys", "export", "--private", kid)
    assert "key.exported" not in audit(kid)
    pem = keys.run("keys", "export", "--private", kid, "--yes").stdout
    load_pem_private_key(pem.encode(), None)
    assert keys.json("keys", "export", "--private", kid, "--yes")["private_key"] == pem
    assert audit(kid).count("key.exported") == 2
    assert "No key has the id" in keys.refusal("keys", "export", "--private", "unknown", "--yes")


def test_resealing_and_pruning_say_when_there_is_nothing_to_do(keys: CommandLine) -> None:
    signing(keys)
    assert keys.json("keys", "reseal")["changed"] is False
    assert keys.run("keys", "prune").stdout == "There was nothing to prune.\n"


@pytest.mark.parametrize("key_store", ["database"])
def test_resealing_makes_the_earlier_master_key_unnecessary(keys: CommandLine, settings: Settings) -> None:
    kid = signing(keys)
    master = "a new master key for tests, 9876543210"
    both = keys.with_variables(OIDC_MASTER_KEY=master, OIDC_MASTER_KEY_PREVIOUS=settings.master_key)
    only = keys.with_variables(OIDC_MASTER_KEY=master)
    assert "OIDC_MASTER_KEY_PREVIOUS" in only.refusal("keys", "list")
    assert both.json("keys", "reseal")["kids"] == [kid]
    assert [key["kid"] for key in listed(only)] == [kid]


@pytest.mark.parametrize("key_store", ["directory"])
@pytest.mark.parametrize("command", ["list", "generate", "rotate", "prune", "reseal", "export"])
def test_a_store_that_cannot_be_read_is_told_in_one_line(keys: CommandLine, key_directory: Path, command: str) -> None:
    signing(keys)
    file = next(key_directory.glob("*.pem"))
    file.write_bytes(file.read_bytes()[:100])
    before = sorted(key_directory.iterdir())
    assert str(file) in keys.refusal("keys", command)
    assert sorted(key_directory.iterdir()) == before


@pytest.mark.parametrize("key_store", ["directory"])
def test_a_key_in_a_file_is_revoked_while_the_database_is_down(
    keys: CommandLine, database_url: str, tmp_path: Path
) -> None:
    """An emergency does not wait for the audit; that it could not be written is said."""
    kid = signing(keys)
    down = keys.with_variables(OIDC_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    done = down.run("keys", "revoke", kid)
    assert done.exit_code == 0
    assert "could not be recorded in the audit" in done.stderr
    assert "could not be counted" in done.stderr
    assert next(key for key in listed(keys) if key["kid"] == kid)["state"] == "revoked"
    assert "database cannot be used" in down.refusal("keys", "export", "--private", kid, "--yes")


def test_the_worker_rotates_old_keys_and_prunes_dead_ones(app: Flask, settings: Settings, database: Database) -> None:
    with app.app_context():
        ring = current_key_ring()
        (first,) = [key.record.kid for key in ring.store.load()]
        assert rotate_when_due() == ()
        clock.travel(timedelta(days=settings.key_rotation_days))
        (rotated,) = rotate_when_due()
        assert rotated.operation is service.Operation.ROTATE
        assert rotate_when_due() == ()
        clock.travel(timedelta(hours=1))
        (pruned,) = rotate_when_due()
        assert pruned.touched == (first,)
    with app.extensions[DATABASE].reading() as session:
        query = select(AuditEvent.event, AuditEvent.actor_kind).where(
            AuditEvent.subject_id.in_([first, *rotated.touched])
        )
        assert [tuple(row) for row in session.execute(query.order_by(AuditEvent.id))] == [
            ("key.rotated", SYSTEM.kind),
            ("key.pruned", SYSTEM.kind),
        ]
