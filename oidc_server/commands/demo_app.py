"""The demo app of ``oidc-server dev``: ``examples/relying_party`` in a process of its own, which ends with this one.

An installed package has no examples; then there is no demo app."""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from oidc_server.core.settings import PREFIX

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.commands.environment import DevData
    from oidc_server.core.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "relying_party"
CLIENT_ID = "demo-app"
_ADDRESS = "127.0.0.1"
_LISTENER = "RP_LISTENER"
_END_SECONDS = 5


@dataclass(frozen=True)
class Place:
    """Where the demo app will run; connections wait there until it does. Without a listener there is no demo app."""

    listener: socket.socket | None = None
    why_not: str = ""

    @property
    def port(self) -> int | None:
        return self.listener.getsockname()[1] if self.listener else None

    @property
    def url(self) -> str | None:
        return f"http://{_ADDRESS}:{self.port}" if self.listener else None


def find_place(port: int, *, server_port: int) -> Place:
    """A place on loopback for the demo app, or why there is none; no words where it is not wanted or not installed."""
    if port == 0 or not FOLDER.is_dir():
        return Place()
    if importlib.util.find_spec("requests") is None:
        return Place(why_not="it needs a library: pip install requests")
    if port == server_port:
        return Place(why_not=f"port {port} is the server's; --demo-app-port names another one")
    try:
        return Place(socket.create_server((_ADDRESS, port)))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        return Place(why_not=f"port {port} cannot be had ({reason}); --demo-app-port names another one")


def register(settings: Settings, data: DevData, url: str) -> dict[str, str]:
    """Make the demo app's client, or fit its addresses to ``url``; what else the developer changed stays.

    It is nobody's first-party client, so that people are asked for their consent. Returns its credentials."""
    from oidc_server import assemble
    from oidc_server.core.database import EXTENSION, transaction

    app = assemble(settings)
    with app.app_context():
        with transaction() as session:
            secret = _fitting_client(session, url, data.state().get("demo_app", {}).get("client_secret"))
        credentials = {"client_id": CLIENT_ID, "client_secret": secret}
        data.remember(demo_app=credentials)
        app.extensions[EXTENSION].dispose()
    return credentials


def _fitting_client(session: Session, url: str, known_secret: str | None) -> str:
    """The secret of the client, which is made when it is missing, and has these addresses afterwards."""
    from oidc_server.audit.service import operator
    from oidc_server.clients.service import Registration, add_secret, create_client, find_client, update_client

    addresses = Registration(redirect_uris=[f"{url}/callback"], post_logout_redirect_uris=[f"{url}/signed-out"])
    client = find_client(session, CLIENT_ID, for_change=True)
    if client is None:
        whole = replace(addresses, client_name="Demo app", scope=_scope())
        _, secret = create_client(
            session, actor=operator(), client_type="confidential", registration=whole, client_id=CLIENT_ID
        )
        return str(secret)
    if any(getattr(client, name) != uris for name, uris in addresses.given().items()):
        update_client(session, client, actor=operator(), registration=addresses)
    return known_secret or add_secret(session, client)


def _scope() -> str:
    from oidc_server.clients.metadata import OPENID_SCOPES

    return " ".join(OPENID_SCOPES)


@contextmanager
def running(place: Place, settings: Settings, data: DevData) -> Iterator[None]:
    """Run the demo app at its place until the block ends, or this process, however it ends."""
    if place.listener is None or place.url is None:
        yield
        return
    client = register(settings, data, place.url)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own = {
        "RP_ISSUER": settings.issuer,
        "RP_CLIENT_ID": client["client_id"],
        "RP_CLIENT_SECRET": client["client_secret"],
        "RP_SCOPE": _scope(),
        "RP_PORT": str(place.port),
        _LISTENER: str(place.listener.fileno()),
        "no_proxy": _ADDRESS,  # whatever the environment says: all that it talks to is the server
    }
    with closing(place.listener) as listener:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-m", __name__], env=inherited | own, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        )
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:  # the server's workers are forked inside the block, and leave it too
            process.terminate()
            process.wait(_END_SECONDS)


def main() -> None:
    """Serve until standard input ends: its other end is held by the process that started this one."""
    sys.path.insert(0, str(FOLDER))
    relying_party = importlib.import_module("relying_party")
    surroundings = importlib.import_module("surroundings")
    server = surroundings.make_server(relying_party.create_app(os.environ), int(os.environ[_LISTENER]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with suppress(KeyboardInterrupt):
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
