"""The breach service is told five characters, believed when it answers, and not waited for when it does not."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.registry import REGISTRY
from structlog.testing import capture_logs

from oidc_server.core import clock
from oidc_server.core.settings import Settings, SettingsError
from oidc_server.core.settings_checks import check
from oidc_server.users.breaches import BreachService
from oidc_server.users.new_passwords import EXTENSION, NewPasswords, check_new_password
from oidc_server.users.password_policy import PasswordRefused
from tests.certificates import self_signed
from tests.commands.command_line import CommandLine, environment_of
from tests.relying_party import PASSWORD, Server
from tests.users.range_service import RangeService, running, send

BREACHED = "Tr0ub4dor & 3 of them"


@pytest.fixture
def service() -> Iterator[RangeService]:
    with running() as service:
        service.breached = {BREACHED: 42, "known, and only as padding": 0}
        yield service


def failures() -> float:
    """How many questions were not answered so far."""
    return REGISTRY.get_sample_value("oidc_breach_service_failures_total") or 0.0


def test_a_breached_password_is_refused_and_only_five_characters_are_told(service: RangeService) -> None:
    checks = NewPasswords("Example", BreachService(service.url))
    with pytest.raises(PasswordRefused) as caught:
        checks.check(BREACHED)
    assert caught.value.code == "breached"
    assert BREACHED not in str(caught.value)
    digest = hashlib.sha1(BREACHED.encode()).hexdigest().upper()  # noqa: S324 - what the service has
    assert service.asked == [(f"/range/{digest[:5]}", "true")]
    checks.check(PASSWORD)
    checks.check("known, and only as padding")


def test_what_the_policy_refuses_is_not_asked_for(service: RangeService) -> None:
    with pytest.raises(PasswordRefused) as caught:
        NewPasswords("Example", BreachService(service.url)).check("password123")
    assert caught.value.code == "common"
    assert service.asked == []


def test_every_spelling_of_a_password_is_one_question(service: RangeService) -> None:
    service.breached = {"Caf\u00e9 noir et blanc": 1}
    assert BreachService(service.url).knows("Cafe\u0301 noir et blanc")


def drip(request: BaseHTTPRequestHandler) -> None:
    """An answer that goes on and on, and never waits long enough for a time-out between two bytes."""
    for _ in range(40):
        request.wfile.write(b"HTTP/1.1 200 OK\r\n"[:1])
        request.wfile.flush()
        time.sleep(0.1)


def elsewhere(request: BaseHTTPRequestHandler) -> None:
    send(request, 302, b"", Location=f"http://{request.headers['Host']}/elsewhere/")


def cut_off(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"A" * 35 + b":1\r\n")


NONSENSE: list[Callable[[BaseHTTPRequestHandler], None]] = [
    lambda request: send(request, 200, b"<html>sign in to the network</html>"),
    lambda request: send(request, 200, b"A" * 35 + b":many"),
    lambda request: send(request, 200, (b"A" * 35 + b":1\r\n") * 40_000),
    lambda request: send(request, 500, b""),
    lambda request: send(request, 429, b"", **{"Retry-After": "2"}),
    lambda request: request.connection.close(),
    cut_off,
    elsewhere,
]


@pytest.mark.parametrize("behaviour", NONSENSE)
def test_an_answer_that_is_none_accepts_what_the_local_list_accepts_x40(
    service: RangeService, behaviour: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    """No other server is asked, and the failure is counted and logged."""
    service.behaviour = behaviour
    before = failures()
    checks = NewPasswords("Example", BreachService(service.url))
    with capture_logs() as logs:
        checks.check(BREACHED)
    assert [line["log_level"] for line in logs] == ["warning"]
    assert logs[0]["why"]
    assert BREACHED not in str(logs)
    assert failures() == before + 1
    assert [path.startswith("/range/") for path, _ in service.asked] == [True]
    for refused in ("password123", "short", "example 2024"):
        with pytest.raises(PasswordRefused):
            checks.check(refused)


def test_a_slow_service_costs_a_second_x40(service: RangeService) -> None:
    service.behaviour = drip
    began = time.monotonic()
    assert not BreachService(service.url).knows(BREACHED)
    assert time.monotonic() - began < 2


def test_a_dead_service_costs_three_failures_and_then_nothing_for_half_a_minute_x40() -> None:
    with socket.socket() as nobody:  # bound, and it does not listen
        nobody.bind(("127.0.0.1", 0))
        dead = BreachService(f"http://127.0.0.1:{nobody.getsockname()[1]}/range/")
        before = failures()
        for _ in range(10):
            assert not dead.knows(BREACHED)
        assert failures() == before + 3
        clock.travel(timedelta(seconds=31))
        for _ in range(10):
            assert not dead.knows(BREACHED)
        assert failures() == before + 4


def test_a_service_that_is_back_is_asked_again_x40(service: RangeService) -> None:
    asked = BreachService(service.url)
    service.behaviour = NONSENSE[0]
    for _ in range(5):
        assert not asked.knows(BREACHED)
    service.behaviour = service.answer
    assert not asked.knows(BREACHED)
    clock.travel(timedelta(seconds=31))
    assert asked.knows(BREACHED)
    assert asked.knows(BREACHED)


def test_a_burst_of_people_is_asked_about_one_after_the_other(service: RangeService) -> None:
    asked = BreachService(service.url)
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(asked.knows, [BREACHED] * 24))


def test_few_wait_for_the_service_at_once_x40(service: RangeService) -> None:
    """Four threads of a worker at most are kept by a service that hangs, whatever comes in."""
    release = threading.Event()

    def hang(request: BaseHTTPRequestHandler) -> None:
        release.wait(5)

    service.behaviour = hang
    asked = BreachService(service.url)
    threads = [threading.Thread(target=asked.knows, args=(BREACHED,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    release.set()
    assert len(service.asked) <= 4


def test_the_certificate_is_checked_and_the_ca_bundle_counts(tmp_path: Path) -> None:
    context, bundle = self_signed(tmp_path)
    with running(context) as service:
        service.breached = {BREACHED: 1}
        assert not BreachService(service.url).knows(BREACHED)
        assert service.asked == []
        assert BreachService(service.url, str(bundle)).knows(BREACHED)


def test_without_the_setting_nobody_is_asked_and_with_it_the_command_line_asks(
    settings: Settings, app: Flask, service: RangeService
) -> None:
    cli = CommandLine(environment_of(settings))
    create = ("users", "create", "--email", "ann@example.com", "--password-stdin")
    asking = cli.with_variables(OIDC_BREACH_URL=service.url)
    assert "breach" in asking.refusal(*create, given=BREACHED)
    assert len(service.asked) == 1
    assert cli.json(*create, given=BREACHED)["id"]
    assert len(service.asked) == 1


def test_the_name_of_the_service_is_that_of_the_theme(server: Server) -> None:
    with server.app.app_context():
        server.app.extensions[EXTENSION].check(PASSWORD)
        check_new_password("acme-shop-2024-x")
    with pytest.raises(PasswordRefused):
        NewPasswords("Acme Shop", BreachService("")).check("acme-shop 24")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/range/", "https://api.example.com/range", "ftp://api.example.com/", "https:///range/",
        "https://user@api.example.com/", "https://api.example.com/range/?x=/", "https://api.example.com:x/",
    ],
)  # fmt: skip
def test_an_address_that_could_be_listened_to_or_is_none_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(SettingsError, match="OIDC_BREACH_URL"):
        check(replace(settings, breach_url=url), production=False)


def test_addresses_of_such_services_are_accepted(settings: Settings) -> None:
    for url in ("https://api.pwnedpasswords.com/range/", "http://127.0.0.1:8080/", "http://[::1]:8080/range/", ""):
        assert check(replace(settings, breach_url=url), production=False).breach_url == url
