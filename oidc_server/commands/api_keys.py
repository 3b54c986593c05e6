"""``oidc-server api-keys``: the keys that internal services send in ``X-API-Key``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from oidc_server.commands.clients import bound
from oidc_server.commands.instants import Span, span_in_words, utc
from oidc_server.commands.options import Output, Refused, on_database, refusing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.clients.models import ApiKey

_PAGE = 500
_SHOWN_ONCE = "The key is shown this once and only its digest is kept: put it now where the service reads it."
_EXPIRES_IN = "How long it is good, such as 90d; by default it has no end."


@click.group("api-keys")
def api_keys() -> None:
    """Make, rotate and revoke API keys of internal services."""


@api_keys.command()
@click.option("--name", required=True, help="Which service it is for; people read it.")
@click.option("--scope", required=True, help="What it may do: scope words separated by spaces.")
@click.option(
    "--network", "networks", multiple=True, metavar="CIDR",
    help="Where it may be used from, such as 10.0.0.0/8; repeatable. By default from everywhere.",
)  # fmt: skip
@click.option("--expires-in", type=Span(), help=_EXPIRES_IN)
@on_database
def create(output: Output, name: str, scope: str, networks: tuple[str, ...], expires_in: timedelta | None) -> None:
    """Make a key and print it, once."""
    from oidc_server.audit.service import operator
    from oidc_server.clients.api_key_service import ApiKeyInvalid, create_api_key, facts_of
    from oidc_server.core.database import transaction

    with refusing(ApiKeyInvalid), transaction() as session:
        key, secret = create_api_key(
            session, actor=operator(), name=name, scope=scope, networks=networks, expires_at=_from_now(expires_in)
        )
    output.facts({"key": secret, **facts_of(key)}, _SHOWN_ONCE)


@api_keys.command("list")
@on_database
def list_keys(output: Output) -> None:
    """Show every key, those that have ended too."""
    from oidc_server.clients.api_key_service import facts_of, list_api_keys
    from oidc_server.core.database import reading

    found: list[ApiKey] = []
    with reading() as session:
        while page := list_api_keys(session, limit=_PAGE, after=found[-1].id if found else None):
            found += page
    described = [facts_of(key) for key in found]
    columns = ("id", "name", "prefix", "status", "scope", "expires_at", "last_used_at")
    output.table(columns, [[one[column] for column in columns] for one in described], described)


@api_keys.command()
@click.argument("key", metavar="ID|PREFIX")
@on_database
def show(output: Output, key: str) -> None:
    """Show one key, found by its id or its first characters."""
    from oidc_server.clients.api_key_service import facts_of
    from oidc_server.core.database import reading

    with reading() as session:
        found = _find(session, key)
    output.facts(facts_of(found))


@api_keys.command()
@click.argument("key", metavar="ID|PREFIX")
@click.option(
    "--overlap", type=Span(), default="1d", show_default=True,
    help="How long the present secret goes on working, such as 12h; 0 ends it now.",
)  # fmt: skip
@click.option("--expires-in", type=Span(), help="How long the new one is good; by default as long as the key was.")
@on_database
def rotate(output: Output, key: str, overlap: timedelta, expires_in: timedelta | None) -> None:
    """Give the key a new secret and print it, once; the present one ends after the overlap, one before it now."""
    from oidc_server.audit.service import operator
    from oidc_server.clients.api_key_service import ApiKeyEnded, ApiKeyInvalid, facts_of, rotate_api_key
    from oidc_server.core import clock
    from oidc_server.core.database import transaction

    with refusing(ApiKeyInvalid, ApiKeyEnded), transaction() as session:
        found = _find(session, key, for_change=True)
        secret = rotate_api_key(
            session, found, actor=operator(), overlap=overlap, expires_at=_from_now(expires_in)
        )  # fmt: skip
    end = facts_of(found)["previous_expires_at"]
    if end is None:
        earlier = f"Its earlier secret ended now. {bound('That')}"
    else:
        earlier = f"Its earlier secret works for {span_in_words(end - clock.now())} more, until {utc(end)}."
    output.facts({"key": secret, **facts_of(found)}, _SHOWN_ONCE, earlier)


@api_keys.command()
@click.argument("key", metavar="ID|PREFIX")
@on_database
def revoke(output: Output, key: str) -> None:
    """End a key with every secret that it has; found by its id or its first characters."""
    from oidc_server.audit.service import operator
    from oidc_server.clients.api_key_service import facts_of, revoke_api_key
    from oidc_server.core.database import transaction

    with transaction() as session:
        found = _find(session, key, for_change=True)
        revoke_api_key(session, found, actor=operator())
    output.facts(facts_of(found), bound("This"))


def _find(session: Session, named: str, *, for_change: bool = False) -> ApiKey:
    """The key with this id or prefix, or the command's refusal, which does not repeat what may be a whole key."""
    from oidc_server.clients.api_key_service import find_api_key, id_of_prefix
    from oidc_server.core.identity import parse_id

    key_id = parse_id(named) or id_of_prefix(session, named)
    key = None if key_id is None else find_api_key(session, key_id, for_change=for_change)
    if key is None:
        raise Refused("No API key has this id or these first characters. `oidc-server api-keys list` shows the keys.")
    return key


def _from_now(span: timedelta | None) -> datetime | None:
    from oidc_server.core import clock

    return None if span is None else clock.now() + span
