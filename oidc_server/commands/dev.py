"""``oidc-server dev``: from nothing to a verified token, on this machine only."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.options import Output, Refused, data_option, json_option, settings_problems_reported

if TYPE_CHECKING:
    from oidc_server.commands.demo_app import Place


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="A loopback address, or `localhost`, where passkeys work; nothing else is accepted.",
)
@click.option(
    "--demo-app-port",
    type=click.IntRange(0, 65535),
    default=8001,
    show_default=True,
    help="Port of the demo app, which signs in at this server; 0 for none.",
)
@click.option("--no-demo-app", "demo_app_port", flag_value=0, type=int, help="Leave the demo app out.")
@data_option
@json_option
def dev(output: Output, host: str, port: int, demo_app_port: int, data: Path | None) -> None:
    """Run a server for development: SQLite, demo users and clients, and a curl command that returns a token."""
    from oidc_server.commands.environment import DevData, dev_settings
    from oidc_server.commands.serve import count_over_all_workers

    if not _is_loopback(host):
        raise Refused(f"The development server listens on loopback only, not on {host}. For others: oidc-server serve.")
    with settings_problems_reported():
        settings = dev_settings(DevData.at(data), port, host)
        settings = dataclasses.replace(settings, bind=f"{host}:{port}", drain_seconds=0)
    count_over_all_workers()

    from oidc_server.commands import demo_app
    from oidc_server.commands.demo import seed
    from oidc_server.commands.gunicorn_server import run_gunicorn
    from oidc_server.core import migration
    from oidc_server.core.database import make_engine

    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=settings.statement_timeout_ms)
    migration.upgrade(engine)
    engine.dispose()
    demo = seed(settings, DevData.at(data))
    place = demo_app.find_place(demo_app_port, server_port=port)
    words = _welcome(settings.issuer, demo, _click_through(place, demo["user"]))
    output.say({"issuer": settings.issuer, "demo_app": place.url, **demo}, words)
    with demo_app.running(place, settings, DevData.at(data)):
        run_gunicorn(settings, DevData.at(data).outbox)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _click_through(place: Place, user: dict[str, Any]) -> list[str]:
    if place.url is not None:
        return [f"  Click through a login: {place.url}", f"    as {user['email']}, password {user['password']}", ""]
    return [f"  The demo app is left out: {place.why_not}.", ""] if place.why_not else []


def _welcome(issuer: str, demo: dict[str, Any], click_through: list[str]) -> list[str]:
    service, web = demo["service_client"], demo["confidential_client"]
    user, admin = demo["user"], demo["admin"]
    return [
        "",
        f"  oidc-server is at  {issuer}",
        f"  discovery          {issuer}/.well-known/openid-configuration",
        f"  signing keys       {issuer}/.well-known/jwks.json",
        f"  mail (not sent)    {issuer}/dev/outbox",
        "",
        *click_through,
        "  Demo data, for this machine only:",
        f"    user             {user['email']}  password {user['password']}",
        f"    admin            {admin['email']}  password {admin['password']}",
        f"    web client       {demo['public_client']['client_id']}  (public)",
        f"    web client       {web['client_id']}  secret {web['client_secret']}  (confidential)",
        f"    service client   {service['client_id']}  secret {service['client_secret']}",
        "",
        "  A token for the service client:",
        "",
        f"    curl -s -u '{service['client_id']}:{service['client_secret']}' \\",
        f"      -d grant_type=client_credentials {issuer}/oauth/token",
        "",
        "  Ctrl-C stops the server.",
        "",
    ]
