"""The cookies that a browser keeps of the server, as the browser sees them."""

from __future__ import annotations

import time

import pytest

from tests.browser.people import Person

pytestmark = pytest.mark.slow

DAY = 86400


def test_every_cookie_is_for_this_host_alone_and_no_script_can_read_it_f07(person: Person) -> None:
    person.ask()
    person.sign_in()
    cookies = {cookie.get("name"): cookie for cookie in person.page.context.cookies()}
    assert set(cookies) == {"__Host-browser", "__Host-session", "__Host-device"}
    for cookie in cookies.values():
        assert cookie.get("secure")
        assert cookie.get("httpOnly")
        assert cookie.get("sameSite") == "Lax"
        assert cookie.get("path") == "/"
    assert person.page.evaluate("document.cookie") == ""
    secrets = {cookie.get("value", "") for cookie in cookies.values()}
    assert [request for request in person.requests if any(secret in request for secret in secrets)] == []


@pytest.mark.parametrize("remembered", [False, True])
def test_the_session_outlives_the_browser_only_for_whoever_wants_to_be_remembered_f19(
    person: Person, remembered: bool
) -> None:
    person.ask()
    person.page.set_checked("#remember", remembered)
    person.sign_in()
    (session,) = [cookie for cookie in person.page.context.cookies() if cookie.get("name") == "__Host-session"]
    ends = session.get("expires", 0)
    assert abs(ends - time.time() - 30 * DAY) < 600 if remembered else ends == -1
