"""Where these tests happen: a running server with its owner, and an app's web site."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from oidc_server.audit.service import SYSTEM
from oidc_server.users.passwords import make_passwords
from oidc_server.users.service import create_user
from tests.app_login import SCOPE, App
from tests.browser.app_site import AppSite, app_site
from tests.faults.installation import Installation, installation
from tests.mailbox import Mailbox, deliver
from tests.relying_party import PASSWORD, Server, TestUser
from tests.running import ISSUER, RunningServer

APP_NAME = "Harbour Notes"


@dataclass
class Place:
    """``owner`` acts on the database of the running server."""

    installed: Installation
    running: RunningServer
    app_site: AppSite
    mailbox: Mailbox

    @property
    def url(self) -> str:
        """The address of the server. Browsers take loopback for as safe as https, also for ``__Host-`` cookies."""
        return self.running.url

    @property
    def owner(self) -> Server:
        """Whoever runs the server."""
        return self.installed.owner

    @cached_property
    def password_hash(self) -> str:
        """Of the password of all."""
        return make_passwords(self.installed.settings).hash(PASSWORD)

    def user(self, email: str | None = None) -> TestUser:
        """Somebody with an account."""
        email = email or f"{uuid.uuid4().hex[:12]}@example.com"
        with self.owner.app.app_context(), self.owner.database.transaction() as session:
            user = create_user(session, actor=SYSTEM, email=email, password_hash=self.password_hash, verified=True)
            return TestUser(user.id, email, PASSWORD)

    def app(self, **registration: Any) -> App:
        """Register an app whose web site is the one that listens."""
        registration = {
            "client_name": APP_NAME,
            "scope": f"{SCOPE} notes:write",
            "redirect_uris": (self.app_site.callback,),
            "post_logout_redirect_uris": (self.app_site.goodbye,),
        } | registration
        return App(self.owner, self.owner.client("confidential", **registration), self.app_site.callback)

    def link(self, recipient: str) -> str:
        """Where at the running server the link leads in the newest mail to somebody, once all are sent."""
        deliver(self.owner)
        return self.mailbox.letters_to(recipient)[-1].link.removeprefix(ISSUER)

    def address(self, app: App, **parameters: str | None) -> str:
        """Where an app sends a browser to, as if the issuer's name led to the running server."""
        return app.address(**parameters).replace(ISSUER, self.url)


@contextmanager
def running_place(folder: Path, database_url: str, **settings: Any) -> Iterator[Place]:
    """Serve on an empty database until the block ends."""
    with (
        Mailbox() as mailbox,
        installation(folder, database_url, smtp_url=mailbox.url) as installed,
        installed.serving(workers=1, **settings) as running,
        app_site() as site,
    ):
        yield Place(installed, running, site, mailbox)
