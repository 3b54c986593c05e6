"""What is made of a ``User-Agent``: the browser and the system, as people call them."""

from __future__ import annotations

import time

import pytest

from oidc_server.pages import languages
from oidc_server.sessions.programs import Program, in_words, program_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "browser", "system"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "Chrome", "Windows"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
            "Edge", "Windows",
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "Chrome", "ChromeOS"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome", "Android"),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Samsung Internet", "Android",
        ),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/26.0 Safari/605.1.15", "Safari", "macOS"),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {APPLE} Version/26.0 Mobile/15E148 Safari/604.1",
            "Safari", "iOS",
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {APPLE} FxiOS/143.0 Mobile/15E148 Safari/605.1.15",
            "Firefox", "iPadOS",
        ),
        ("Opera/9.80 (Windows NT 6.1; U; en) Presto/2.12.388 Version/12.18", "Opera", "Windows"),
        ("curl/8.16.0", "curl", None),
        ("OrdersApp/3.2 (Android 16)", "OrdersApp", "Android"),
        ("Mozilla/5.0 (compatible)", None, None),
        ("<script>alert(1)</script>", None, None),
        ("", None, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_a_user_agent_names_a_browser_and_a_system(
    user_agent: str | None, browser: str | None, system: str | None
) -> None:
    assert program_of(user_agent) == (browser, system)


def test_the_words_are_those_of_the_language_that_is_spoken() -> None:
    program = Program("Firefox", "Linux")
    with languages.speaking("en"):
        assert in_words(program) == "Firefox on Linux"
        assert in_words(Program("curl", None)) == "curl"
        assert in_words(Program(None, "Linux")) == "Linux"
        assert in_words(Program(None, None)) is None
    with languages.speaking("de"):
        assert in_words(program) == "Firefox auf Linux"


def test_a_user_agent_that_is_made_to_be_slow_is_not() -> None:
    """W16: as long as one is kept, and of what a pattern could get lost in."""
    begin = time.process_time()
    for text in ("a" * 255, "a/" * 127, "A." * 127, "Mozilla/5.0 " + "(" * 243, "-" * 255):
        program_of(text)
    assert time.process_time() - begin < 0.05
