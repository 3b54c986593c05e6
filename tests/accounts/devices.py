"""Where people sign in from, in tests: programs, and the sessions that their owner sees."""

from __future__ import annotations

from typing import Any

from tests.accounts.json_client import JsonClient
from tests.browsing import Browser
from tests.relying_party import Server, body_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 "
    "Safari/605.1.15"
)


def app_on(server: Server, user_agent: str = FIREFOX, address: str = "192.0.2.1") -> JsonClient:
    """An app of ours that says that it is this program."""
    app = JsonClient(server, address)
    app.http.environ_base["HTTP_USER_AGENT"] = user_agent
    return app


def browser_of(server: Server, user_agent: str = SAFARI, address: str = "192.0.2.9") -> Browser:
    """A browser that says that it is this program."""
    browser = Browser(server.app)
    browser.http.environ_base |= {"HTTP_USER_AGENT": user_agent, "HTTP_X_FORWARDED_FOR": address}
    return browser


def sessions_of(app: JsonClient, **query: Any) -> list[dict[str, Any]]:
    """The sessions that the person sees."""
    response = app.get("/auth/sessions", **query)
    assert response.status_code == 200, response.json
    items: list[dict[str, Any]] = body_of(response)["items"]
    return items
