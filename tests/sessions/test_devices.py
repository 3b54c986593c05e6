"""The cookie of a browser in which somebody has signed in before: whose it is, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock, crypto
from oidc_server.core.identity import new_id
from oidc_server.sessions.devices import LIFETIME, known_device, make
from oidc_server.users.models import User

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SECOND = timedelta(seconds=1)


@pytest.fixture
def user() -> User:
    return User(id=new_id(), password_changed_at=clock.now())


def test_a_browser_is_known_to_the_person_who_signed_in_there_and_each_is_another(user: User) -> None:
    cookies = [make(KEY, user) for _ in range(3)]
    names = [known_device([KEY], cookie, user) for cookie in cookies]
    assert None not in names
    assert len(set(names)) == 3


def test_it_is_known_to_nobody_else_and_under_no_other_key(user: User) -> None:
    cookie, other = make(KEY, user), User(id=new_id(), password_changed_at=user.password_changed_at)
    assert known_device([KEY], cookie, other) is None
    assert known_device([KEY], cookie.replace(str(user.id), str(other.id)), other) is None
    assert known_device([OTHER_KEY], cookie, user) is None
    assert known_device([OTHER_KEY, KEY], cookie, user) is not None


def test_it_is_forgotten_when_the_password_changes_f11(user: User) -> None:
    cookie = make(KEY, user)
    user.password_changed_at = clock.now() + SECOND
    assert known_device([KEY], cookie, user) is None
    user.password_changed_at = None
    assert known_device([KEY], cookie, user) is None


def test_it_is_forgotten_after_half_a_year(user: User) -> None:
    cookie = make(KEY, user)
    clock.travel(LIFETIME - 2 * SECOND)
    assert known_device([KEY], cookie, user) is not None
    clock.travel(2 * SECOND)
    assert known_device([KEY], cookie, user) is None


def test_an_altered_cookie_is_no_cookie(user: User) -> None:
    cookie = make(KEY, user)
    whose, device, issued, mac = cookie.split(".")
    later, flipped = str(int(issued) + 86400), "A" if mac[0] != "A" else "B"
    altered = [
        f"{whose}.{device}.{later}.{mac}",
        f"{whose}.{device[:-1]}.{issued}.{mac}",
        f"{whose}.{'x' * len(device)}.{issued}.{mac}",
        f"{whose}.{device}.{issued}.{flipped}{mac[1:]}",
        f"{whose}.{device}.{issued}.",
        f"{whose}.{device}.{issued}",
        f"{cookie}.",
        f" {cookie}",
        f"{cookie}\n",
        cookie.upper(),
    ]
    assert [known_device([KEY], one, user) for one in altered] == [None] * len(altered)


@pytest.mark.parametrize("issued", ["", "-1", "1e9", "٣", "9" * 13, "9" * 5000, "0x10", " 1"])
def test_a_strange_time_in_it_is_no_fault(user: User, issued: str) -> None:
    mac = crypto.urlsafe(crypto.keyed_digest(KEY, f"{user.id}\nd\n{issued}\nnone"))
    assert known_device([KEY], f"{user.id}.d.{issued}.{mac}", user) is None


@pytest.mark.parametrize("cookie", [None, "", ".", "...", "\udcff...", "é.a.1.b", "x" * 10_000])
def test_nonsense_is_no_fault(user: User, cookie: str | None) -> None:
    assert known_device([KEY], cookie, user) is None
