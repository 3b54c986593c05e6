"""The ``oidc-server`` command line, one thin module per noun, each imported when it is used."""

import importlib

import click

# Not only for a quick start: `serve` must choose how metrics are kept before anything imports the metrics library.
COMMANDS = {
    "dev": "oidc_server.commands.dev:dev",
    "serve": "oidc_server.commands.serve:serve",
    "worker": "oidc_server.commands.worker:worker",
    "db": "oidc_server.commands.database:db",
    "keys": "oidc_server.commands.keys:keys",
    "clients": "oidc_server.commands.clients:clients",
    "api-keys": "oidc_server.commands.api_keys:api_keys",
    "users": "oidc_server.commands.users:users",
    "token": "oidc_server.commands.token:token",
    "doctor": "oidc_server.commands.doctor:doctor",
}


class CommandLine(click.Group):
    """The commands by name, in the order of the list above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="oidc-server")
def main() -> None:
    """An OAuth 2.0 and OpenID Connect authorization server.

    `oidc-server dev` starts one on this machine with demo users and clients. Commands without settings in the
    environment act on that one's data."""
