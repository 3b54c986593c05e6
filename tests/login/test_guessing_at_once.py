"""R07: many guesses in one instant, over several worker processes: the limit lets no more of them through."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from oidc_server.core.settings import Settings
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server
from tests.running import NO_TLS, environment, serving
from tests.stolen_cookies import BROWSER

AT_ONCE, WORKERS = 24, 2
WRONG, LIMITED, BUSY = 422, 429, 503


@pytest.mark.slow
def test_guesses_in_one_instant_are_counted_before_they_are_looked_at_r07(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    user, browser = server.user(), Browser(server.app)
    page = make_app(server).open(browser)
    form = page.form.fields | {"login": user.email, "password": "a wrong password"}
    cookie = {"Host": "login.example.com", "Cookie": f"__Host-{BROWSER}={browser.cookie(BROWSER)}"}
    env = environment(
        settings.database_url, settings.key_directory, secret_key=settings.secret_key, hash_waiters=AT_ONCE,
        database_pool_size=2 * AT_ONCE,
    )  # fmt: skip
    barrier = Barrier(AT_ONCE)

    def guess(url: str) -> httpx.Response:
        with httpx.Client(base_url=url, headers=cookie, timeout=60, verify=NO_TLS) as http:
            http.get("/health/live")
            barrier.wait(timeout=60)
            return http.post(page.path, data=form)

    with serving(env, tmp_path / "log", workers=WORKERS, threads=AT_ONCE + 10) as running:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(guess, [running.url] * AT_ONCE))
        # Whoever was turned away because too many came at once was not looked at; here come the guesses that are left.
        while running.request("POST", page.path, data=form, headers=cookie).status_code != LIMITED:
            pass
        right = running.request("POST", page.path, data=form | {"password": user.password}, headers=cookie)
    told = Counter(answer.status_code for answer in answers)
    assert told[WRONG] <= LOGIN_ATTEMPTS[0].amount, told
    assert told[WRONG] + told[LIMITED] + told[BUSY] == AT_ONCE, told
    assert right.status_code == LIMITED
    assert len(server.audit("user.sign_in_failed", str(user.id))) == LOGIN_ATTEMPTS[0].amount
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code != WRONG)
