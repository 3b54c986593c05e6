"""``oidc-server clients``: OAuth clients, under the metadata names of RFC 7591."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.client_metadata import describe, metadata_options, registration_of
from oidc_server.commands.instants import Span, span_in_words, utc
from oidc_server.commands.mfa_policies import PolicyOptions, policy_options, words_about
from oidc_server.commands.options import Output, Refused, on_database, refusing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.clients.models import Client

_PAGE = 500
SHOWN_ONCE = "The secret is shown this once and only its digest is kept: put it now where the client reads it."


@click.group()
def clients() -> None:
    """Register, change and remove OAuth clients."""


@clients.command()
@click.option("--name", "client_name", required=True, help="What people and admins read.")
@click.option("--type", "client_type", required=True, metavar="confidential|public|service")
@metadata_options
@policy_options
@click.option("--client-id", metavar="ID", help="Its id; by default a new UUID.")
@on_database
def create(output: Output, client_type: str, client_id: str | None, policy: PolicyOptions, **metadata: Any) -> None:
    """Register a client and print its secret, once."""
    from sqlalchemy.exc import IntegrityError

    from oidc_server.audit.service import operator
    from oidc_server.clients.metadata import MetadataInvalid
    from oidc_server.clients.service import ClientIdTaken, create_client
    from oidc_server.core.database import transaction

    registration = policy.onto(registration_of(**metadata))
    try:
        with refusing(MetadataInvalid, ClientIdTaken), transaction() as session:
            client, secret = create_client(
                session, actor=operator(), client_type=client_type, registration=registration, client_id=client_id
            )
    except IntegrityError as error:
        raise Refused("Another client was registered with this id at this moment.") from error
    facts = {"client_id": client.client_id, **secret_facts(secret), **describe(client)}
    sentences = [SHOWN_ONCE] if secret else ["This client has no secret."]
    output.facts(facts, *sentences, *words_about(client.mfa_policy))


@clients.command("list")
@on_database
def list_clients(output: Output) -> None:
    """Show every client."""
    from oidc_server.clients import service
    from oidc_server.core.database import reading

    found: list[Client] = []
    with reading() as session:
        while page := service.list_clients(session, limit=_PAGE, after=found[-1].client_id if found else None):
            found += page
    columns = ("client_id", "client_name", "client_type", "grant_types", "mfa", "disabled_at")
    rows = [
        (c.client_id, c.client_name, c.client_type, c.grant_types, (c.mfa_policy or {}).get("level"), c.disabled_at)
        for c in found
    ]
    output.table(columns, rows, [describe(client) for client in found])


@clients.command()
@click.argument("client_id")
@on_database
def show(output: Output, client_id: str) -> None:
    """Show one client, and when its secrets end."""
    from oidc_server.authorizations.service import count_alive
    from oidc_server.core.database import reading

    with reading() as session:
        client = find(session, client_id)
        secrets = [{"created_at": secret.created_at, "expires_at": secret.expires_at} for secret in client.secrets]
        facts = describe(client) | {"authorizations": count_alive(session, client_id=client.client_id)}
    ends = ["without end" if one["expires_at"] is None else f"until {utc(one['expires_at'])}" for one in secrets]
    output.facts(facts | {"secrets": secrets} if output.as_json else facts | {"secrets": "; ".join(ends)})


@clients.command()
@click.argument("client_id")
@click.option("--name", "client_name", help="What people and admins read.")
@metadata_options
@policy_options
@click.option("--enable", is_flag=True, help="Enable the client again after it was disabled.")
@on_database
def update(output: Output, client_id: str, enable: bool, policy: PolicyOptions, **metadata: Any) -> None:
    """Change what is given and leave the rest.

    An option that may be repeated replaces the whole list; given once and empty, it empties the list. Empty, the
    options for addresses, algorithms, the logo, --default-max-age and --mfa take away what is registered."""
    from oidc_server.audit.service import operator
    from oidc_server.authorizations.service import revoke
    from oidc_server.clients.metadata import SECRET_METHODS, MetadataInvalid
    from oidc_server.clients.service import Registration, enable_client, update_client
    from oidc_server.core import clock
    from oidc_server.core.database import transaction
    from oidc_server.core.errors import Reason

    registration = registration_of(**metadata)
    if registration == Registration() and not enable and not policy.given:
        raise Refused("There is nothing to change: give at least one option.")
    with refusing(MetadataInvalid), transaction() as session:
        client = find(session, client_id, for_change=True)
        subject_type = client.subject_type
        registration = policy.onto(registration, client.mfa_policy)
        if registration != Registration():
            update_client(session, client, actor=operator(), registration=registration)
        if enable and client.disabled_at is not None:
            enable_client(session, client, actor=operator())
        if client.subject_type != subject_type:  # OpenID Connect Core §12.2: a refresh must not tell another sub
            revoke(session, actor=operator(), reason=Reason.SUBJECT_TYPE_CHANGED, client_id=client.client_id)
        has_secret = any(one.expires_at is None or one.expires_at > clock.now() for one in client.secrets)
        lacks_secret = client.token_endpoint_auth_method in SECRET_METHODS and not has_secret
    mend = f"It has no secret yet: `oidc-server clients rotate-secret {client.client_id}` makes one."
    strangers = "Everybody has another subject (sub) at this client from now on, so what it was granted has ended."
    output.facts(
        describe(client), bound("The change"), *([mend] if lacks_secret else []),
        *([strangers] if client.subject_type != subject_type else []), *words_about(client.mfa_policy),
    )  # fmt: skip


@clients.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--overlap", type=Span(), default="1d", show_default=True,
    help="How long earlier secrets go on working, such as 12h; 0 ends them now.",
)  # fmt: skip
@on_database
def rotate_secret(output: Output, client_id: str, overlap: timedelta) -> None:
    """Give the client a new secret and print it, once; earlier ones end after the overlap."""
    from oidc_server.audit.service import operator
    from oidc_server.clients import service
    from oidc_server.clients.metadata import MetadataInvalid
    from oidc_server.core import clock
    from oidc_server.core.database import transaction

    with refusing(MetadataInvalid), transaction() as session:
        client = find(session, client_id, for_change=True)
        secret = service.rotate_secret(session, client, actor=operator(), overlap=overlap)
    end = max((one.expires_at for one in client.secrets if one.expires_at is not None), default=None)
    facts = {"client_id": client.client_id, **secret_facts(secret), "earlier_secrets_end_at": end}
    if end is None:
        earlier = "There was no earlier secret."
    elif end <= clock.now():
        earlier = f"Earlier secrets ended now. {bound('That')}"
    else:
        earlier = f"Earlier secrets work for {span_in_words(end - clock.now())} more, until {utc(end)}."
    output.facts(facts, SHOWN_ONCE, earlier)


@clients.command()
@click.argument("client_id")
@on_database
def disable(output: Output, client_id: str) -> None:
    """Disable a client and revoke every authorization that it was given."""
    from oidc_server.audit.service import operator
    from oidc_server.authorizations.service import revoke
    from oidc_server.clients.service import disable_client
    from oidc_server.core.database import transaction
    from oidc_server.core.errors import Reason

    with transaction() as session:
        client = find(session, client_id, for_change=True)
        if client.disabled_at is None:
            disable_client(session, client, actor=operator())
        count = revoke(session, actor=operator(), reason=Reason.CLIENT_DISABLED, client_id=client.client_id)
    facts = {"client_id": client.client_id, "disabled_at": client.disabled_at, "authorizations_revoked": count}
    output.facts(facts, bound("This"), f"`oidc-server clients update {client.client_id} --enable` enables it again.")


@clients.command()
@click.argument("client_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_database
def delete(output: Output, client_id: str, yes: bool) -> None:
    """Delete a client with its secrets, and revoke every authorization that it was given."""
    from oidc_server.audit.service import operator
    from oidc_server.authorizations.service import count_alive, revoke
    from oidc_server.clients.service import delete_client
    from oidc_server.core.database import reading, transaction
    from oidc_server.core.errors import Reason

    with reading() as session:
        client = find(session, client_id)
        alive = count_alive(session, client_id=client.client_id)
    if not yes:
        question = f"Delete the client {client.client_name!a} ({client.client_id}), and end {alive} authorizations?"
        click.confirm(question, abort=True, err=True)
    with transaction() as session:
        client = find(session, client_id, for_change=True)
        count = revoke(session, actor=operator(), reason=Reason.CLIENT_UNKNOWN, client_id=client.client_id)
        delete_client(session, client, actor=operator())
    output.facts({"client_id": client_id, "deleted": True, "authorizations_revoked": count}, bound("This"))


def find(session: Session, client_id: str, *, for_change: bool = False) -> Client:
    """The client, or the command's refusal."""
    from oidc_server.clients.service import find_client

    client = find_client(session, client_id, for_change=for_change)
    if client is None:
        raise Refused(f"No client has the id {client_id[:64]!a}. `oidc-server clients list` shows the clients.")
    return client


def secret_facts(secret: str | None) -> dict[str, Any]:
    """A new secret as RFC 7591 §3.2.1 tells it; 0 means that it has no end."""
    return {} if secret is None else {"client_secret": secret, "client_secret_expires_at": 0}


def bound(what: str) -> str:
    """Within which time running servers act on a change."""
    from oidc_server.protocol.server import current_server

    return f"{what} reaches running servers within {current_server().settings.client_cache_seconds} seconds."
