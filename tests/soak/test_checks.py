"""What a soak reads in the rows: each kind of fact without its audit row is seen, and so is a forked grant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.installation import Installation, installation
from tests.soak.checks import audit_violations

UNRECORDED = {
    "access_token.revoked": "INSERT INTO revoked_access_tokens (jti, expires_at) VALUES ('unheard-of', now())",
    "authorization.revoked": "UPDATE authorizations SET revoked_at = now(), revoked_reason = 'token_revoked'",
    "client.created": "DELETE FROM clients WHERE client_type = 'service'",
    "user.signed_in": "DELETE FROM sessions",
    "user.created": "UPDATE users SET id = gen_random_uuid() WHERE id NOT IN (SELECT user_id FROM authorizations)",
}


@pytest.fixture
def site(make_database: Callable[[str], str], tmp_path: Path) -> Iterator[Installation]:
    """One with a bit of everything."""
    with installation(tmp_path, make_database("postgresql")) as made:
        web, person = made.owner.first_party(), made.owner.user()
        made.owner.user()
        tokens = made.owner.sign_in(web, person)
        made.owner.refresh(web, tokens["refresh_token"])
        service = made.owner.client()
        assert made.owner.revoke(service, made.owner.token(service).get_json()["access_token"]).status_code == 200
        assert made.owner.revoke(web, made.owner.sign_in(web, person)["refresh_token"]).status_code == 200
        yield made


def change(site: Installation, statement: str) -> None:
    """Change rows past the server."""
    with site.owner.database.transaction() as session:
        session.execute(text(statement))


def test_every_fact_and_its_audit_row_is_matched_and_each_without_is_seen(site: Installation) -> None:
    url = site.settings.database_url
    assert audit_violations(url) == []
    seen = []
    for event, statement in UNRECORDED.items():
        change(site, statement)
        words = [one.words for one in audit_violations(url) if one.invariant == "I8"]
        assert any(f" {event} " in one for one in words), (event, words)
        seen.append(len(words))
    assert seen == [1, 2, 3, 4, 5]


def test_a_grant_with_two_unused_refresh_tokens_or_none_is_seen(site: Installation) -> None:
    url = site.settings.database_url
    change(site, "UPDATE refresh_tokens SET used_at = NULL")
    assert [one.invariant for one in audit_violations(url)] == ["I2"]
    change(site, "UPDATE refresh_tokens SET used_at = now()")
    assert [one.words for one in audit_violations(url)] == ["2 grants have not exactly one unused refresh token"]
