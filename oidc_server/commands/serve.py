"""``oidc-server serve``: the production server, from one source of settings."""

import atexit
import dataclasses
import os
import shutil
import tempfile
from typing import Any

import click

from oidc_server.commands.options import settings_problems_reported

# The metrics library looks for this when it is first imported; every worker process keeps its counts there.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; instead of OIDC_BIND.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes; instead of OIDC_WORKERS.")
@click.option("--threads", type=click.IntRange(1), help="Threads of each worker; instead of OIDC_THREADS.")
@click.option("--server", type=click.Choice(["gunicorn", "granian"]), default="gunicorn", show_default=True)
def serve(server: str, **given: Any) -> None:
    """Serve with the settings of the environment.

    Refuses to start on an insecure or impossible setting, and says every problem at once."""
    from oidc_server.core.settings_checks import check
    from oidc_server.core.settings_reading import read_settings

    with settings_problems_reported():
        settings = read_settings()
        settings = dataclasses.replace(settings, **{name: value for name, value in given.items() if value is not None})
        check(settings, production=True)
    count_over_all_workers()
    if server == "granian":
        from oidc_server.commands.granian_server import run_granian

        run_granian(settings)
    else:
        from oidc_server.commands.gunicorn_server import run_gunicorn

        run_gunicorn(settings)


def count_over_all_workers() -> None:
    """Give the worker processes one folder for their metrics; call it before anything imports the metrics library."""
    if MULTIPROCESS_VARIABLE not in os.environ:
        os.environ[MULTIPROCESS_VARIABLE] = folder = tempfile.mkdtemp(prefix="oidc-metrics-")
        atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    """Worker processes are forked, and end by the same way: the folder is still in use then."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
