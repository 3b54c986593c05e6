"""What is stored, shown and written out: digests and sealed boxes, and never anything that opens a door by itself."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask
from sqlalchemy import select

from oidc_server.clients.service import find_client
from oidc_server.core import crypto
from oidc_server.core.database import Base
from oidc_server.core.settings import Settings
from oidc_server.keys.material import KeyMaterial
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.users.service import find_user
from tests.protocol.handmade import own_key
from tests.relying_party import PASSWORD, Server, body_of


def dump(server: Server) -> bytes:
    """Every value of every row of every table, as a backup would have them."""
    values: list[bytes] = []
    with server.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                values += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(values)


def files_of(settings: Settings) -> bytes:
    """The database's own files, where it has any here.

    Another process reads them: whoever closes such a file loses all locks that SQLite holds on it in the same process,
    and the next server to stop would take the write-ahead log away from under this one."""
    if not settings.database_url.startswith("sqlite"):
        return b""
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    files = [str(one) for one in path.parent.glob(path.name + "*")]
    return subprocess.run(["cat", *files], capture_output=True, check=True).stdout


def test_neither_tables_nor_files_hold_a_token_a_secret_or_a_password_d24_e20_w22(
    server: Server, settings: Settings
) -> None:
    client, user, service = server.first_party(), server.user(), server.client()
    tokens = server.sign_in(client, user)
    renewed = body_of(server.refresh(client, tokens["refresh_token"]))
    own = body_of(server.token(service))["access_token"]
    server.revoke(service, own)
    secrets = [
        PASSWORD, own, str(client.client_secret), str(service.client_secret), tokens["access_token"],
        tokens["id_token"], tokens["refresh_token"], renewed["refresh_token"], renewed["access_token"],
        settings.secret_key, settings.master_key,
    ]  # fmt: skip
    stored = dump(server) + files_of(settings)
    assert crypto.digest(renewed["refresh_token"]) in stored  # the dump is one
    for secret in secrets:
        assert secret.encode() not in stored
        assert b64encode(secret.encode()).rstrip(b"=") not in stored
        assert secret.encode().hex().encode() not in stored


def private_forms(material: KeyMaterial) -> list[bytes]:
    """Every form in which a private RSA key could be written down."""
    key = material.private_key
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    forms: list[bytes] = []
    for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.iqmp):
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        forms += [raw, raw.hex().encode(), str(number).encode(), b64encode(raw)[:60], urlsafe_b64encode(raw)[:60]]
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        forms.append(key.private_bytes(Encoding.DER, form, NoEncryption()))
        pem = key.private_bytes(Encoding.PEM, form, NoEncryption())
        forms += pem.splitlines()[-6:-2]  # the first lines are the public modulus
    return forms


@pytest.fixture
def sealed(app: Flask, make_server: Callable[..., Server]) -> Server:
    """A server whose keys are in the database, where the first application has found or left none."""
    return make_server(key_store="database")


def test_a_private_key_is_nowhere_in_clear_e20(
    sealed: Server, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """E20: not in the tables or their files, the environment, the log, the repr, or any answer."""
    material = own_key(sealed).material
    client = sealed.client(scope="metrics:read")
    token = body_of(sealed.token(client))["access_token"]
    answers = [
        sealed.http.get(path).get_data()
        for path in (
            "/.well-known/jwks.json",
            "/.well-known/openid-configuration",
            "/metrics",
            "/health",
            "/openapi.json",
        )
    ]
    answers += [
        sealed.http.post("/oauth/introspect", data={"token": token}).get_data(),
        sealed.http.get("/nothing").get_data(),
    ]
    ring = sealed.app.extensions[KEY_RING]
    shown = [repr(value).encode() for value in (material, own_key(sealed), ring, ring.store, sealed.app, settings)]
    written = capfd.readouterr()
    places = [
        dump(sealed),
        files_of(settings),
        str(os.environ).encode(),
        (written.out + written.err).encode(),
        *answers,
        *shown,
    ]
    for form in private_forms(material):
        assert not any(form in place for place in places)
    assert material.kid.encode() in dump(sealed)
    assert all(b"PRIVATE KEY" not in place for place in places)


def test_the_files_of_the_directory_store_are_their_owner_s_alone_e20(server: Server, settings: Settings) -> None:
    assert settings.key_directory.stat().st_mode & 0o777 == 0o700
    files = [path for path in settings.key_directory.iterdir() if path.suffix == ".pem"]
    assert files
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)


def test_with_a_passphrase_the_files_are_encrypted_e20(make_server: Callable[..., Server], tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    server = make_server(key_directory=folder, key_passphrase="a passphrase for tests")
    forms = private_forms(own_key(server).material)
    for path in folder.rglob("*"):
        written = path.read_bytes() if path.is_file() else b""
        assert not any(form in written for form in forms)
        assert b"a passphrase" not in written


def test_what_is_printed_shows_no_secret_d24(server: Server, settings: Settings, app: Flask) -> None:
    client, user = server.client(), server.user()
    with app.app_context(), server.database.transaction() as session:
        row, person = find_client(session, client.client_id), find_user(session, str(user.id))
        assert row is not None
        assert person is not None
        shown = "".join(map(repr, (row, row.secrets, person, settings, app.extensions[KEY_RING])))
        assert str(person.password_hash) not in shown
    secrets: list[Any] = [client.client_secret, settings.secret_key, settings.master_key, settings.database_url]
    for secret in secrets:
        assert str(secret) not in shown
