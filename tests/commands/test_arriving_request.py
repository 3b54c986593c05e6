"""Requests in pieces: a thread gets each whole and nothing of the next one, wherever the network cuts (RFC 9112)."""

from __future__ import annotations

import random
import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from oidc_server.commands.arriving_request import ArrivingRequest
from tests.running import RunningServer, environment, serving

LIMIT = 1000
POST = b"POST /oauth/token HTTP/1.1\r\nHost: login.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: login.example.com\r\n\r\n"
WHOLE = {
    "no body": GET,
    "an empty line before": b"\r\n" + GET,
    "an empty body": POST + b"Content-Length: 0\r\n\r\n",
    "a length": POST + b"Content-Length: 9\r\n\r\n0\r\n\r\nabcd",
    "a length in other letters": POST + b"cOnTeNt-LeNgTh:\t 9 \r\n\r\n123456789",
    "a length of another header": POST + b"X-Content-Length: 9\r\n\r\n",
    "a length in a value": POST + b"X: content-length: 9\r\n\r\n",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n",
    "chunks with extensions": POST + b"transfer-encoding: Chunked\r\n\r\n00A ;a=b\r\n0\r\n\r\n0\r\n\r\n\r\n0;c\r\n\r\n",
    "chunks with trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nY: z\r\n\r\n",
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_request_is_complete_with_its_last_byte_and_the_parser_agrees_w07(case: str) -> None:
    arriving = ArrivingRequest(LIMIT)
    whole = WHOLE[case]
    for position, byte in enumerate(whole, start=1):
        arriving.add(bytes([byte]))
        assert arriving.is_complete() == (position == len(whole)), position
    arriving.add(GET[:-1])
    assert not arriving.is_cut
    length = arriving.body_length
    taken = arriving.take()
    assert taken == whole
    assert not arriving.is_complete()
    assert arriving.size == len(GET) - 1
    parser = RequestParser(Config(), iter([taken]), ("127.0.0.1", 1))
    parsed = next(parser)
    assert getattr(parsed.body.reader, "length", None) == length
    parsed.body.read()
    assert parser.unreader.take_buffered() == b""


@pytest.mark.parametrize(
    "head",
    [
        POST + b"Content-Length: 1001\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 5, 5\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 12_000,
        POST + b"X: " + b"a" * 70_000,
    ],
)
def test_what_will_be_refused_is_not_waited_for_w04_w07(head: bytes) -> None:
    arriving = ArrivingRequest(LIMIT)
    arriving.add(head)
    assert arriving.is_complete()
    assert arriving.is_cut
    assert arriving.take() == head


@pytest.fixture(scope="module")
def running(migrated: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("pieces")
    (folder / "keys").mkdir(mode=0o700)
    with serving(environment(migrated("sqlite"), folder / "keys"), folder / "log", workers=1, threads=8) as server:
        yield server


@pytest.fixture
def connection(running: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=10) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield made


def statuses(connection: socket.socket, count: int) -> list[int]:
    """The statuses of so many answers."""
    received = b""
    while len(found := re.findall(rb"HTTP/1\.1 (\d{3}) ", received)) < count or not received.endswith((b"}", b"\r\n")):
        part = connection.recv(65536)
        assert part, received
        received += part
    return [int(status) for status in found]


@pytest.mark.parametrize("seed", range(3))
def test_requests_cut_anywhere_are_all_answered_in_order_w07(connection: socket.socket, seed: int) -> None:
    """Each kind has an answer of its own: 200 for a GET, 400 for an empty form, 401 for one without a client."""
    chance = random.Random(seed)
    form = b"grant_type=client_credentials"
    kinds = {
        200: GET,
        400: POST + b"Content-Length: 0\r\n\r\n",
        401: POST + b"Content-Length: %d\r\n\r\n%s" % (len(form), form),
    }
    expected = chance.choices([*kinds], k=12)
    wire = b"".join(kinds[status] for status in expected)
    cuts = sorted(chance.sample(range(1, len(wire)), 20))
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        connection.sendall(wire[start:end])
        time.sleep(chance.choice([0, 0, 0.005]))
    assert statuses(connection, len(expected)) == expected


def test_who_waits_to_be_told_to_go_on_is_told_once(connection: socket.socket) -> None:
    """RFC 9110 §10.1.1."""
    form = b"grant_type=client_credentials"
    connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(form))
    assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(form)
    assert statuses(connection, 1) == [401]
    connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 50000000\r\n\r\n")
    assert statuses(connection, 1) == [413]


def test_a_head_without_an_end_is_refused_w06(connection: socket.socket) -> None:
    connection.sendall(POST + b"X: a\r\n" * 11_000)
    assert statuses(connection, 1) == [431]
