"""R02 to R06: guessing at the sign-in page is slowed down, and keeps nobody out of their own browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from oidc_server.core import clock
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS, LOGIN_FAILURES_BY_ADDRESS
from oidc_server.sessions.devices import LIFETIME
from oidc_server.users.models import User
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestClient, TestUser
from tests.stolen_cookies import DEVICE, holding, put

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
GUESS = "a wrong password"
FIRST = LOGIN_ATTEMPTS[0]
WRONG, LIMITED = 422, 429


@pytest.fixture
def web(server: Server) -> App:
    """An app of our own, which needs no consent."""
    return make_app(server, first_party=True)


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user("Mike.Smith@Example.com", username="mike")


class Guesser:
    """Somebody who tries passwords, from an address that the trusted proxy reports, on one page."""

    def __init__(self, web: App, address: str = HERE, browser: Browser | None = None) -> None:
        self.web, self.browser = web, browser or Browser(web.server.app)
        self.browser.http.environ_base["HTTP_X_FORWARDED_FOR"] = address
        self.page = web.open(self.browser)

    def guess(self, login: str, password: str = GUESS) -> int:
        """Try a password; the status."""
        return self.visit(login, password).status

    def visit(self, login: str, password: str = GUESS) -> Visit:
        """Try a password; where that leads."""
        return self.browser.sign_in(self.page, login, password)

    def use_up(self, login: str) -> None:
        """Guess until the first limit."""
        assert [self.guess(login) for _ in range(FIRST.amount + 1)] == [WRONG] * FIRST.amount + [LIMITED]


def gets_in(web: App, user: TestUser, browser: Browser, address: str = HERE) -> bool:
    """Whether the person can sign in with this browser, from this address."""
    visit = Guesser(web, address, browser).visit(user.email, user.password)
    if visit.status == LIMITED:
        return False
    return bool(web.code(visit))


def known_browser(web: App, user: TestUser) -> Browser:
    """A browser in which the person has signed in, and out again by now."""
    browser = Browser(web.server.app)
    assert gets_in(web, user, browser)
    put(browser, "session", None)
    return browser


def test_every_spelling_of_an_account_counts_together_r02(web: App, user: TestUser) -> None:
    stranger = Guesser(web)
    spellings = ["mike.smith@example.com", "MIKE.SMITH@EXAMPLE.COM", " Mike.Smith@Example.com ", "mike", "\tMIKE"]
    assert [stranger.guess(login) for login in spellings] == [WRONG] * 5
    assert [stranger.guess(login, user.password) for login in spellings] == [LIMITED] * 5


@pytest.mark.parametrize("at_the_form", [0, 2, FIRST.amount])
def test_the_form_and_the_password_grant_fill_one_count_r04(web: App, user: TestUser, at_the_form: int) -> None:
    server, stranger = web.server, Guesser(web)
    client = server.first_party()
    assert [stranger.guess("mike") for _ in range(at_the_form)] == [WRONG] * at_the_form
    for _ in range(FIRST.amount - at_the_form):
        assert ask_for_tokens(server, client, "mike", GUESS) == 400
    assert stranger.guess("mike", user.password) == LIMITED
    assert ask_for_tokens(server, client, user.email, user.password) == LIMITED
    assert ask_for_tokens(server, client, user.email, user.password, ELSEWHERE) == 200


def ask_for_tokens(server: Server, client: TestClient, login: str, password: str, address: str = HERE) -> int:
    """The password grant; the status."""
    headers = {"X-Forwarded-For": address}
    return server.token(client, "password", username=login, password=password, headers=headers).status_code


def test_one_success_clears_only_its_own_account_r05(web: App, user: TestUser) -> None:
    other, stranger = web.server.user("other@example.com"), Guesser(web)
    for _ in range(FIRST.amount - 1):
        stranger.guess(user.email)
        stranger.guess(other.email)
    assert gets_in(web, user, Browser(web.server.app))
    assert stranger.guess(other.email) == WRONG
    assert stranger.guess(other.email, other.password) == LIMITED


def test_the_success_of_a_known_browser_clears_nothing_of_strangers_r05(web: App, user: TestUser) -> None:
    browser, stranger = known_browser(web, user), Guesser(web)
    stranger.use_up(user.email)
    assert gets_in(web, user, browser)
    assert stranger.guess(user.email, user.password) == LIMITED


@pytest.mark.slow
def test_hundreds_of_failures_keep_nobody_out_of_their_own_browser_r06(web: App, user: TestUser) -> None:
    """For two days, the person's own address and forty others guess in bursts, three times a day."""
    browser, own = known_browser(web, user), Guesser(web)
    others = [Guesser(web, f"203.0.113.{number}") for number in range(40)]
    answers: list[int] = []
    for day in range(2):
        for _ in range(3):
            answers += [own.guess(user.email) for _ in range(60)]
            answers += [other.guess(user.email) for other in others]
            assert gets_in(web, user, browser), f"on day {day}"
            put(browser, "session", None)
            clock.travel(timedelta(hours=8))
            refresh_pages(own, *others)
    assert len(answers) == 600
    assert set(answers) == {WRONG, LIMITED}
    assert answers.count(LIMITED) > 300


def refresh_pages(*guessers: Guesser) -> None:
    for guesser in guessers:
        guesser.page = guesser.web.open(guesser.browser)


def test_a_known_browser_is_not_held_up_by_what_its_address_did_r06(web: App, user: TestUser) -> None:
    """Somebody behind the same address tries one password on many accounts."""
    browser, stranger = known_browser(web, user), Guesser(web)
    for number in range(LOGIN_FAILURES_BY_ADDRESS.amount):
        assert stranger.guess(f"person{number}@example.com") == WRONG
    assert stranger.guess("one.more@example.com") == LIMITED
    assert not gets_in(web, user, Browser(web.server.app))
    assert gets_in(web, user, browser)
    assert gets_in(web, user, Browser(web.server.app), ELSEWHERE)


def test_the_victim_enters_from_elsewhere_with_any_browser_r06(web: App, user: TestUser) -> None:
    Guesser(web).use_up(user.email)
    assert not gets_in(web, user, Browser(web.server.app), HERE)
    assert gets_in(web, user, Browser(web.server.app), ELSEWHERE)


def test_the_delay_grows_is_told_and_ends_r06(web: App, user: TestUser) -> None:
    stranger, waits = Guesser(web), list[int]()
    for _ in range(4):
        while (visit := stranger.visit("mike")).status == WRONG:
            pass
        waits.append(int(visit.response.headers["Retry-After"]))
        assert "Too many attempts" in visit.words
        clock.travel(timedelta(seconds=waits[-1]))
        refresh_pages(stranger)
    assert waits[0] <= 60 < max(waits) <= 900
    clock.travel(timedelta(days=1))
    assert gets_in(web, user, Browser(web.server.app))  # and was never locked


def test_a_known_browser_has_a_limit_of_its_own_r06(web: App, user: TestUser) -> None:
    """A stolen cookie gives as many guesses as an address does, and does not fill the counts of others."""
    browser, thief = known_browser(web, user), Guesser(web)
    put(thief.browser, DEVICE, browser.cookie(DEVICE))
    thief.use_up(user.email)
    elsewhere = Guesser(web, ELSEWHERE, thief.browser)
    assert elsewhere.guess(user.email) == LIMITED  # it is counted by the cookie, wherever it is used
    assert gets_in(web, user, Browser(web.server.app))


Change = Callable[[App, TestUser, str], str]


def of_somebody_else(web: App, user: TestUser, cookie: str) -> str:
    return known_browser(web, web.server.user()).cookie(DEVICE) or ""


def renamed(web: App, user: TestUser, cookie: str) -> str:
    """Somebody else's, with the victim's id written into it."""
    return ".".join([str(user.id), *of_somebody_else(web, user, cookie).split(".")[1:]])


def another_device(web: App, user: TestUser, cookie: str) -> str:
    whose, _, issued, mac = cookie.split(".")
    return f"{whose}.another-device..{issued}.{mac}".replace("..", ".")


def too_old(web: App, user: TestUser, cookie: str) -> str:
    clock.travel(LIFETIME)
    return cookie


def from_before_a_change_of_password(web: App, user: TestUser, cookie: str) -> str:
    with web.server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(password_changed_at=clock.now()))
    return cookie


@pytest.mark.parametrize(
    "change", [of_somebody_else, renamed, another_device, too_old, from_before_a_change_of_password]
)
def test_no_other_device_cookie_lifts_the_limit_of_strangers_r06_f11(web: App, user: TestUser, change: Change) -> None:
    cookie = change(web, user, known_browser(web, user).cookie(DEVICE) or "")
    Guesser(web).use_up(user.email)
    assert Guesser(web, browser=holding(web, device=cookie)).guess(user.email, user.password) == LIMITED


def test_two_people_at_one_browser_each_have_their_own_count_r06(web: App, user: TestUser) -> None:
    """The cookie of the one who signed in last is no cookie of the other."""
    other = web.server.user()
    browser = known_browser(web, other)
    Guesser(web).use_up(user.email)
    assert not gets_in(web, user, browser)
    assert gets_in(web, other, browser)
