"""``python -m oidc_server.commands``: the same as ``oidc-server``."""

from oidc_server.commands import main

main(prog_name="oidc-server")
