"""G03, R12: whatever was wrong at the sign-in page, the answer is the same, and takes as long."""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from bench.rank_sum import p_of_no_difference
from oidc_server.core import clock
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from oidc_server.users.models import User
from tests.app_login import make_app
from tests.browsing import Browser, Visit
from tests.relying_party import PASSWORD, Server, TestUser

WRONG = "The name or the password is wrong."
GUESS = "a wrong password"
SAMPLES = 300
_CHALLENGE = re.compile(r'"challenge": "[\w-]{75}"')
# Some 5 ms for a hash: to leave one away would be seen.
ROUNDS = 6
SEEN_MS = 3.0


def locked(server: Server, email: str) -> TestUser:
    """A person whose account is locked for a day."""
    user = server.user(email)
    with server.database.transaction() as session:
        until = clock.now() + timedelta(days=1)
        session.execute(update(User).where(User.id == user.id).values(locked_until=until))
    return user


def accounts(server: Server) -> dict[str, str]:
    """Accounts by what keeps people from signing in to them; the names are all of one length."""
    server.user("present1@example.com")
    server.suspend(server.user("disabled@example.com"))
    locked(server, "locked12@example.com")
    server.user("unsecret@example.com", password=None)
    return {
        "wrong": "present1@example.com",
        "disabled": "disabled@example.com",
        "locked": "locked12@example.com",
        "no password": "unsecret@example.com",
        "missing": "missing1@example.com",
    }


def from_address(browser: Browser, address: str) -> None:
    """What the browser sends from now on, comes from this address."""
    browser.http.environ_base["HTTP_X_FORWARDED_FOR"] = address


def seen(visit: Visit, login: str) -> tuple[int, str, list[tuple[str, str]]]:
    """All that an answer tells, but for the name that was typed, the challenge for a passkey, which is another one each
    time, and the number of the request."""
    headers = [(name, value) for name, value in visit.response.headers if name not in {"X-Request-Id", "Date"}]
    text = _CHALLENGE.sub("CHALLENGE", visit.response.text)
    return visit.status, text.replace(login, "LOGIN"), sorted(headers)


def test_whatever_was_wrong_the_page_is_the_same_g03(server: Server) -> None:
    app, browser = make_app(server), Browser(server.app)
    page, names = app.open(browser), accounts(server)
    tries = [(name, GUESS) for name in names.values()]
    tries += [(names[kind], PASSWORD) for kind in ("disabled", "locked", "no password", "missing")]
    tries += [("not @ an address###", GUESS), ("no such name at all!", GUESS), ("\U0001f600" * 5, GUESS)]
    answers = {name: seen(browser.sign_in(page, name, password), name) for name, password in tries}
    told = {(status, text) for status, text, _ in answers.values()}
    assert len(told) == 1
    assert WRONG in next(iter(told))[1]
    assert next(iter(told))[0] == 422
    ascii_names = [name for name in answers if name.isascii() and len(name) == 20]
    assert len({str(answers[name][2]) for name in ascii_names}) == 1
    assert not any(header == "Set-Cookie" for header, _ in answers[tries[0][0]][2])


def test_the_name_stays_in_the_form_and_the_password_does_not_g03(server: Server) -> None:
    app, browser = make_app(server), Browser(server.app)
    visit = browser.sign_in(app.open(browser), "somebody@example.com", "Secret-that-was-typed", remember="1")
    assert visit.form.fields["login"] == "somebody@example.com"
    assert visit.form.fields["password"] == ""
    assert "Secret-that-was-typed" not in visit.response.text
    assert visit.form.fields["remember"] == "1"


def test_when_limited_a_missing_account_is_told_what_a_real_one_is_r12(server: Server) -> None:
    app, browser = make_app(server), Browser(server.app)
    page, answers = app.open(browser), []
    for name in accounts(server).values():
        for _ in range(LOGIN_ATTEMPTS[0].amount):
            assert browser.sign_in(page, name, GUESS).status == 422
        status, text, headers = seen(browser.sign_in(page, name, PASSWORD), name)
        waits = [int(value) for header, value in headers if header == "Retry-After"]
        answers.append((status, text, [pair for pair in headers if pair[0] != "Retry-After"]))
        assert len(waits) == 1
        assert 50 <= waits[0] <= 60
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 429
    assert "Too many attempts" in answers[0][1]


@pytest.mark.slow
@pytest.mark.usefixtures("app")
def test_whatever_was_wrong_it_takes_as_long_g03(make_server: Callable[..., Server]) -> None:
    """300 samples of each, in random order; of the right password of an account that may not sign in, too. Each attempt
    comes from an address of its own, so none is limited."""
    server = make_server(password_hash_rounds=ROUNDS)
    app, browser = make_app(server), Browser(server.app)
    page, names = app.open(browser), accounts(server)
    fields = page.form.fields
    tries = {kind: (name, GUESS) for kind, name in names.items()}
    tries |= {f"{kind}, right": (names[kind], PASSWORD) for kind in ("disabled", "locked")}
    order = [kind for kind in tries for _ in range(SAMPLES)]
    random.Random(20).shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in tries}
    for number, kind in enumerate(order):
        from_address(browser, f"203.0.{number // 250}.{number % 250}")
        typed = fields | dict(zip(("login", "password"), tries[kind], strict=True))
        began = time.perf_counter()
        status = browser.http.post(page.path, data=typed).status_code
        times[kind].append((time.perf_counter() - began) * 1000)
        assert status == 422
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    for kind in tries:
        apart = abs(medians[kind] - medians["wrong"])
        assert apart < SEEN_MS or p_of_no_difference(times[kind], times["wrong"]) > 0.01, medians


def test_the_test_of_times_tells_a_difference_from_none() -> None:
    rng = random.Random(7)
    some, same, more = ([rng.gauss(mean, 10) for _ in range(SAMPLES)] for mean in (50, 50, 55))
    assert p_of_no_difference(some, same) > 0.01 > p_of_no_difference(some, more)


def test_who_knows_the_password_of_a_suspended_account_leaves_the_same_traces_g03(server: Server) -> None:
    """In the audit log, and in what is counted for the address."""
    app, browser = make_app(server), Browser(server.app)
    page, user = app.open(browser), server.user()
    server.suspend(user)
    for password in (GUESS, PASSWORD):
        assert browser.sign_in(page, user.email, password).status == 422
    assert len(server.audit("user.sign_in_failed", str(user.id))) == 2
    for _ in range(LOGIN_ATTEMPTS[0].amount - 2):
        browser.sign_in(page, user.email, PASSWORD)
    assert browser.sign_in(page, user.email, PASSWORD).status == 429
