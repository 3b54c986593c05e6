"""A sender as a process of its own, for tests that kill it. Its arguments: the database, and the mail server."""

from __future__ import annotations

import sys

from oidc_server.core.database import Database
from oidc_server.messages.delivery import Delivery
from oidc_server.messages.kinds import Kind
from tests.messages.post_office import to_the_recipient, transport_to


def main(database_url: str, smtp_url: str) -> None:
    """Send what is due, and wait for the mail server for as long as it takes."""
    database = Database.open(database_url, pool_size=2, statement_timeout_ms=3000)
    composers = dict.fromkeys(Kind, to_the_recipient)
    Delivery(database, {"mail": transport_to(smtp_url, timeout=60)}, composers).deliver_due()


if __name__ == "__main__":
    main(*sys.argv[1:])
