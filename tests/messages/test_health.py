"""``/health`` tells whether mail gets out, ``/metrics`` how much waits; readiness does not depend on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from tests.messages.post_office import PostOffice
from tests.relying_party import Server

NOWHERE = "smtp://127.0.0.1:1"
FROM_AFAR = {"clock_skew_bound": 86400}  # the database's clock does not travel


def health(server: Server) -> tuple[int, str, str]:
    """The answer's HTTP status, the state of the whole, and that of mail."""
    answer = server.http.get("/health")
    return answer.status_code, answer.get_json()["status"], answer.get_json()["mail"]


def tell(server: Server) -> None:
    with server.database.transaction() as session:
        enqueue(session, kind=Kind.NEW_DEVICE, recipient="ada@example.com")


@pytest.mark.usefixtures("app")
def test_without_a_mail_server_mail_is_off_and_what_waits_makes_it_degraded(make_server: Callable[..., Server]) -> None:
    server = make_server(**FROM_AFAR)
    assert health(server) == (200, "ok", "off")
    tell(server)
    assert health(server) == (200, "ok", "off")
    clock.travel(timedelta(minutes=5, seconds=1))
    assert health(server) == (200, "degraded", "off")
    assert server.http.get("/health/ready").status_code == 200


@pytest.mark.usefixtures("app")
def test_mail_is_degraded_when_a_message_has_waited_for_five_minutes(make_server: Callable[..., Server]) -> None:
    server = make_server(smtp_url=NOWHERE, **FROM_AFAR)
    assert health(server) == (200, "ok", "ok")
    tell(server)
    assert health(server) == (200, "ok", "ok")
    clock.travel(timedelta(minutes=5, seconds=1))
    assert health(server) == (200, "degraded", "degraded")
    assert server.http.get("/health/ready").status_code == 200


def test_mail_is_degraded_at_once_when_the_mail_server_takes_none_and_well_again_when_it_does_x38(
    office: PostOffice, make_server: Callable[..., Server]
) -> None:
    server = make_server(smtp_url=NOWHERE, **FROM_AFAR)
    office.mailbox.refuse_senders("451 4.3.0 no")
    office.wait_for()
    assert office.deliver() == (0, 0, 1)
    assert health(server) == (200, "degraded", "degraded")
    office.mailbox.reset()
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (1, 0, 0)
    assert health(server) == (200, "ok", "ok")


def test_metrics_count_what_waits_what_was_sent_and_what_was_not_by_kind(office: PostOffice) -> None:
    before = metrics(office.server)
    office.wait_for()
    office.wait_for(kind=Kind.INVITATION)
    waiting = metrics(office.server)
    assert waiting['oidc_messages_waiting{kind="reset_password"}'] == 1
    assert waiting['oidc_messages_waiting{kind="invitation"}'] == 1
    assert waiting['oidc_messages_waiting{kind="new_device"}'] == 0
    office.composers[Kind.INVITATION] = lambda *_: None
    office.mailbox.refuse_contents("451 4.3.0 later")
    office.deliver()
    office.mailbox.reset()
    clock.travel(timedelta(seconds=11))
    office.deliver()
    after = metrics(office.server)
    assert after['oidc_messages_waiting{kind="reset_password"}'] == 0
    for name in (
        'oidc_messages_sent_total{kind="reset_password"}',
        'oidc_message_failures_total{kind="reset_password"}',
        'oidc_messages_dropped_total{cause="overtaken",kind="invitation"}',
    ):
        assert after[name] == before.get(name, 0) + 1


def metrics(server: Server) -> dict[str, float]:
    """Every sample by its name and labels."""
    text = server.http.get("/metrics").text
    samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}
