"""The primary database is lost, and a standby takes over that had not heard the last of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.commands.command_line import CommandLine
from tests.faults.history import Caller, History, load
from tests.faults.installation import Chain, Installation, basic, client_credentials, installation, introspection
from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.recovery import READY
from tests.faults.standby import Standby, asynchronous_standby, either_url
from tests.faults.town import Town, assert_refused
from tests.relying_party import TestClient
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
SKEW_SECONDS = 1
SETTLES_SECONDS = 1.5  # each connection to the lost server costs an error


@pytest.fixture
def standby(primary: OwnPostgreSQL) -> Iterator[Standby]:
    with asynchronous_standby(primary) as server:
        yield server


class Loss:
    """A primary that is lost under load, a while after its standby heard the last of it."""

    def __init__(self, site: Installation, server: RunningServer, primary: OwnPostgreSQL, standby: Standby) -> None:
        self.site, self.server, self.history = site, server, History()
        self.town, self.service = Town(site), site.owner.client()
        self._primary, self._standby = primary, standby
        self.revoked = site.owner.token(self.service).get_json()["access_token"]
        self.people = self.suspended = self.signed_out = 0  # so many of them the standby has heard of

    def happen(self) -> None:
        """Until the standby serves in the primary's place."""
        town = self.town
        with self._comings_and_goings():
            wait_for(lambda: len(town.signed_out) > 1)
        self._standby.follow()
        self._standby.fall_behind()
        self.people, self.suspended = len(town.registered), len(town.suspended)
        self.signed_out = len(town.signed_out)
        with self._comings_and_goings():
            wait_for(lambda: len(town.signed_out) > self.signed_out and len(town.registered) > self.people)
        assert self.site.owner.revoke(self.service, self.revoked).status_code == 200
        assert self.site.owner.introspect(self.service, self.revoked) == {"active": False}
        token = self.site.owner.token(self.service).get_json()["access_token"]
        with load(self.server.url, self.history, *[introspection(self.service, token)] * 8, READY, keep_alive=False):
            self._primary.kill_all()
            self._standby.promote()
            self.server.wait_until_ready()
            time.sleep(SETTLES_SECONDS)

    @contextmanager
    def _comings_and_goings(self) -> Iterator[None]:
        """Within the block people are registered, sign in and sign out."""
        url, often = self.server.url, [client_credentials(self.service), READY, self.town.visit]
        with load(url, self.history, *often, pause=0.05), load(url, self.history, self.town.register, pause=0.2):
            yield


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_is_lost_is_what_the_standby_had_not_heard_and_an_epoch_ends_the_rest_x08(
    primary: OwnPostgreSQL, standby: Standby, tmp_path: Path, figures: Figures
) -> None:
    """I4: without the epoch what was revoked in the lost time works again, with it nothing from before does."""
    with (
        installation(tmp_path, either_url(primary, standby)) as site,
        site.serving(clock_skew_bound=SKEW_SECONDS) as server,
        closing(Caller(server.url, History())) as caller,
    ):
        loss = Loss(site, server, primary, standby)
        loss.happen()
        town = loss.town
        figures(f"registered {loss.people} before the lag and {len(town.registered) - loss.people} in it")
        assert len(town.registered) > loss.people, "nothing was lost"
        assert len(town.signed_out) > loss.signed_out, "nothing was lost"
        assert is_active(caller, loss.service, loss.revoked), "the revocation was not lost"
        begin_epoch(site)
        assert not is_active(caller, loss.service, loss.revoked)
        for token in [*town.signed_out, *(chain.refresh_token for chain in town.signed_in)]:
            assert_refused(Chain(town.app, token).refresh(caller))
        time.sleep(SKEW_SECONDS)
        heard_of = town.registered[: loss.people : 4]
        statuses = [town.sign_in(caller, person).status for person in heard_of]
        assert statuses == [200] * len(heard_of), "what the standby had heard of is not lost"
        returned = town.sign_in(caller, town.registered[0])
        assert Chain(town.app, returned.body["refresh_token"]).refresh(caller).status == 200
        for person in town.suspended[: loss.suspended : 4]:
            assert_refused(town.sign_in(caller, person))


def begin_epoch(site: Installation) -> None:
    """As its admin does, at the command line."""
    result = CommandLine(site.environment(clock_skew_bound=SKEW_SECONDS)).run("db", "begin-epoch", "--yes")
    assert result.exit_code == 0, result.output


def is_active(caller: Caller, client: TestClient, token: str) -> bool:
    """What introspection says of a token."""
    answer = caller.ask("introspection", "POST", "/oauth/introspect", data={"token": token}, auth=basic(client))
    assert answer.status == 200, answer
    return bool(answer.body["active"])
