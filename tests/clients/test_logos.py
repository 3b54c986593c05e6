"""A client's logo is a copy of ours, which pages load from this server and from nowhere else (attacks D21 and F23)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.clients.models import ClientLogo
from oidc_server.clients.registry import EXTENSION as CLIENTS
from oidc_server.clients.service import delete_client, find_client
from tests.relying_party import Server, TestClient

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20)
WEBP = b"RIFF\x1a\n\0\0WEBPVP8L" + bytes(20)
CALLBACK = ("https://rp.example.com/cb",)
NO_IMAGES = (
    b"", b"\x89PNG", b"\x89PNG\n\x1a\n\0\0", b" " + PNG, b"GIF89a" + bytes(20), b"BM" + bytes(20), b"\xff\xd8",
    b"RIFF\x1a\0\0\0WAVEfmt ", b"RIFF\x1a\0\0\0WEBPxxxx", b"\0\0\1\0" + bytes(20), b"%PDF-1.7",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<?xml version='1.0'?><svg/>", b"<!doctype html><script>",
)  # fmt: skip


def path_of(server: Server, client: TestClient) -> str | None:
    """Where a page finds the client's logo."""
    snapshot = server.app.extensions[CLIENTS].find_afresh(client.client_id)
    return None if snapshot.logo is None else f"/logos/{client.client_id}/{snapshot.logo}"


def with_logo(server: Server, image: bytes = PNG, **more: str) -> tuple[TestClient, str]:
    client = server.client(redirect_uris=CALLBACK, logo=image, **more)
    path = path_of(server, client)
    assert path is not None
    return client, path


@pytest.mark.parametrize(("image", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")])
def test_a_logo_comes_from_this_server_with_the_media_type_of_its_bytes_d21_f23(
    server: Server, image: bytes, media_type: str
) -> None:
    _, path = with_logo(server, image)
    response = server.http.get(path)
    assert (response.status_code, response.data, response.content_type) == (200, image, media_type)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "Set-Cookie" not in response.headers
    assert server.http.head(path).headers["Content-Length"] == str(len(image))


@pytest.mark.parametrize("image", NO_IMAGES)
def test_what_is_no_such_image_is_refused_whatever_it_is_called_d21(server: Server, image: bytes) -> None:
    with pytest.raises(MetadataInvalid, match="PNG, WebP or JPEG"):
        server.client(redirect_uris=CALLBACK, logo=image)


def test_a_logo_has_64_kib_at_most_d21(server: Server) -> None:
    _, path = with_logo(server, PNG.ljust(65536, b"\0"))
    assert len(server.http.get(path).data) == 65536
    with pytest.raises(MetadataInvalid, match="64 KiB"):
        server.client(redirect_uris=CALLBACK, logo=PNG.ljust(65537, b"\0"))


def test_another_logo_has_another_address_and_the_earlier_one_is_gone(server: Server) -> None:
    client, first = with_logo(server)
    server.update(client, logo=JPEG)
    second = path_of(server, client)
    assert second not in {None, first}
    assert server.http.get(second or "").data == JPEG
    assert server.http.get(first).status_code == 404
    server.update(client, client_name="Renamed")
    assert path_of(server, client) == second


def test_a_refused_logo_leaves_the_one_before(server: Server) -> None:
    client, path = with_logo(server)
    with pytest.raises(MetadataInvalid):
        server.update(client, logo=b"<svg/>")
    assert path_of(server, client) == path


def test_a_logo_that_is_taken_away_is_gone(server: Server) -> None:
    client, path = with_logo(server)
    server.update(client, removed=frozenset({"logo"}))
    assert path_of(server, client) is None
    assert server.http.get(path).status_code == 404
    (event,) = server.audit("client.updated", client.client_id)
    assert event.detail == {"changed": ["logo"]}


def test_the_logo_of_a_disabled_client_is_not_shown_d21(server: Server) -> None:
    client, path = with_logo(server)
    server.disable(client)
    assert server.http.get(path).status_code == 404


def test_a_deleted_client_leaves_no_logo(server: Server) -> None:
    client, path = with_logo(server)
    with server.app.app_context(), server.database.transaction() as session:
        found = find_client(session, client.client_id)
        assert found is not None
        delete_client(session, found, actor=SYSTEM)
    assert server.http.get(path).status_code == 404
    with server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ClientLogo)) == 0


def test_at_any_other_address_is_nothing_w02(server: Server) -> None:
    client, path = with_logo(server)
    other, _ = with_logo(server, WEBP)
    digest = path.rpartition("/")[2]
    for address in (
        "/logos", "/logos/", f"/logos/{client.client_id}", f"/logos/{client.client_id}/", f"{path}/", f"{path}.png",
        f"/logos/{other.client_id}/{digest}", f"/logos/missing/{digest}", f"/logos/%00/{digest}",
        f"/logos/{'x' * 65}/{digest}",
        f"/logos/{client.client_id}/%00", f"/logos/{client.client_id}/{'x' * 22}", f"/logos/{client.client_id}/%FF",
        f"/logos/%ED%B3%BF/{digest}", f"/logos/{client.client_id}/..%2f..%2fetc%2fpasswd", f"/logos/'/{digest}",
    ):  # fmt: skip
        response = server.http.get(address)
        assert response.status_code == 404, address
        assert response.headers["Cache-Control"] == "no-store"
    assert server.http.post(path).status_code == 405
