"""Pairwise clients (OpenID Connect Core §8.1): one host is one sector, with one salt that nobody ever changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.clients.models import PairwiseSector
from oidc_server.clients.registry import EXTENSION as CLIENTS
from oidc_server.clients.sectors import sector_of
from oidc_server.clients.service import Registration, create_client, delete_client, find_client
from tests.commands.command_line import until_somebody_waits
from tests.relying_party import Server, TestClient

DIARY = ("https://diary.example.com/cb",)


def pairwise(server: Server, *redirect_uris: str, **more: Any) -> TestClient:
    return server.client(redirect_uris=redirect_uris or DIARY, subject_type="pairwise", **more)


def salt_of(server: Server, client: TestClient) -> bytes | None:
    """The salt that the running server sees."""
    snapshot = server.app.extensions[CLIENTS].find_afresh(client.client_id)
    salt: bytes | None = snapshot.sector_salt
    return salt


def salts(server: Server) -> dict[str, bytes]:
    with server.database.reading() as session:
        return {sector.sector_identifier: sector.salt for sector in session.scalars(select(PairwiseSector))}


def test_the_host_of_the_redirect_uris_is_the_sector() -> None:
    assert (
        sector_of(["https://Diary.example.com:8443/cb", "https://diary.example.com/other?x=1"]) == "diary.example.com"
    )
    assert sector_of(["https://[2001:db8::1]/cb"]) == "2001:db8::1"


def test_several_hosts_are_refused_with_the_reason() -> None:
    with pytest.raises(MetadataInvalid, match=r"on a\.example\.com, b\.example\.com.*sector_identifier_uri"):
        sector_of(["https://b.example.com/cb", "https://a.example.com/cb"])


@pytest.mark.parametrize(
    "redirect_uris",
    [
        [], ["http://127.0.0.1/cb"], ["http://[::1]/cb"], ["http://localhost/cb"], ["com.example.app:/cb"],
        ["https://diary.example.com/cb", "com.example.app:/cb"], ["https://diary.example.com/cb", "http://localhost/cb"],
        [f"https://{'x' * 256}/cb"],
    ],
)  # fmt: skip
def test_an_address_that_every_app_has_names_no_sector(redirect_uris: list[str]) -> None:
    with pytest.raises(MetadataInvalid):
        sector_of(redirect_uris)


def test_clients_of_one_host_share_a_salt_and_those_of_another_do_not(server: Server) -> None:
    one, same = pairwise(server), pairwise(server, "https://DIARY.example.com:444/x", client_type="public")
    other = pairwise(server, "https://sub.diary.example.com/cb")
    assert salt_of(server, one) == salt_of(server, same) != salt_of(server, other)
    assert {len(salt) for salt in salts(server).values()} == {32}
    assert set(salts(server)) == {"diary.example.com", "sub.diary.example.com"}


def test_a_client_with_public_subjects_has_no_salt_though_its_host_has_one(server: Server) -> None:
    pairwise(server)
    assert salt_of(server, server.client(redirect_uris=DIARY)) is None


def test_the_salt_outlives_its_clients(server: Server) -> None:
    client = pairwise(server)
    before = salt_of(server, client)
    with server.app.app_context(), server.database.transaction() as session:
        found = find_client(session, client.client_id)
        assert found is not None
        delete_client(session, found, actor=SYSTEM)
    assert salt_of(server, pairwise(server)) == before


def test_two_clients_that_begin_one_sector_at_once_find_one_salt(server: Server, database_kind: str) -> None:
    def register() -> TestClient:
        return pairwise(server)

    with ThreadPoolExecutor(1) as elsewhere, server.app.app_context():
        with server.database.transaction() as session:
            registration = Registration(client_name="First", redirect_uris=DIARY, subject_type="pairwise")
            first, _ = create_client(session, actor=SYSTEM, client_type="public", registration=registration)
            second = elsewhere.submit(register)
            if database_kind == "postgresql":
                until_somebody_waits(server.database)
        found = second.result()
    assert list(salts(server)) == ["diary.example.com"]
    assert (
        salt_of(server, TestClient(first.client_id, None))
        == salt_of(server, found)
        == salts(server)["diary.example.com"]
    )


def test_the_redirect_uris_of_a_pairwise_client_stay_on_its_host(server: Server) -> None:
    client = pairwise(server)
    before = salt_of(server, client)
    server.update(client, redirect_uris=("https://diary.example.com/new", "https://diary.example.com/newer"))
    for moved in (("https://blog.example.com/cb",), (*DIARY, "https://blog.example.com/cb"), ()):
        with pytest.raises(MetadataInvalid):
            server.update(client, redirect_uris=moved)
    with pytest.raises(MetadataInvalid, match=r"stay on the host diary\.example\.com"):
        server.update(client, redirect_uris=("https://blog.example.com/cb",), subject_type="pairwise")
    assert salt_of(server, client) == before
    assert list(salts(server)) == ["diary.example.com"]


def test_a_client_may_become_pairwise_and_public_again(server: Server) -> None:
    client = server.client(redirect_uris=DIARY)
    server.update(client, subject_type="pairwise")
    assert salt_of(server, client) == salts(server)["diary.example.com"]
    server.update(client, subject_type="public", redirect_uris=("https://blog.example.com/cb",))
    assert salt_of(server, client) is None


def test_there_is_no_third_kind_of_subject(server: Server) -> None:
    for subject_type in ("", "Pairwise", "private", "ephemeral"):
        with pytest.raises(MetadataInvalid, match="subject_type"):
            server.client(redirect_uris=DIARY, subject_type=subject_type)
