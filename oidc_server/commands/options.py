"""What every command shares: ``--json``, ``--data``, the application it runs in, and how it speaks and fails."""

from __future__ import annotations

import functools
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.instants import iso, utc

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

    from oidc_server.core.settings import Settings

EXIT_REFUSED = 1
EXIT_SETTINGS = 2
_WIDE = 10_000  # a table that is not read on a terminal has one line per row, however long


class Refused(click.ClickException):
    """The command was refused; nothing was changed. One line on standard error, exit code 1."""

    exit_code = EXIT_REFUSED

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Output:
    """Speaks JSON on standard output when asked to, and plain words otherwise."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, data: Any, words: str | Sequence[str]) -> None:
        """Print ``data`` as JSON, or ``words`` line by line."""
        if self.as_json:
            click.echo(json.dumps(data, indent=2, default=_plain))
        else:
            click.echo(words if isinstance(words, str) else "\n".join(words))

    def facts(self, facts: Mapping[str, Any], *sentences: str) -> None:
        """Print ``facts`` as JSON, or those that are not empty one a line under their names, and then ``sentences``."""
        shown = {name: _words(value) for name, value in facts.items() if value not in (None, "", [], ())}
        width = max(map(len, shown), default=0)
        self.say(facts, [*(f"{name:<{width}}  {text}" for name, text in shown.items()), *sentences])

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], data: Any) -> None:
        """Print ``data`` as JSON, or a table."""
        if self.as_json:
            self.say(data, "")
            return

        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            # As Text, because rich would read brackets in a plain string as its markup.
            table.add_row(*(Text("" if cell is None else _words(cell)) for cell in row))
        console = Console(width=None if sys.stdout.isatty() else _WIDE)
        with console.capture() as printed:
            console.print(table)
        self.say(data, [line.rstrip() for line in printed.get().splitlines()])


def _plain(value: object) -> str:
    """What JSON has no type for."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, uuid.UUID | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not for JSON")


def _words(value: object) -> str:
    """A value for people to read; control characters in it cannot reach the terminal."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, dict):
        return json.dumps(value, default=_plain)
    if isinstance(value, list | tuple):
        return " ".join(map(_words, value))
    text = str(value)
    return text if text.isprintable() else ascii(text)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``; the command gets an :class:`Output` as ``output``."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
    @functools.wraps(function)
    def wrapper(*args: Any, as_json: bool, **kwargs: Any) -> Any:
        return function(*args, output=Output(as_json), **kwargs)

    return wrapper


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--data``."""
    return click.option(
        "--data", type=click.Path(path_type=Path, file_okay=False),
        help="Folder of a development server's database and keys.",
    )(function)  # fmt: skip


def with_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--data``; the command gets ``output`` and ``settings``.

    Settings that cannot be used end the command with exit code 2 and every problem in words."""

    @json_option
    @data_option
    @functools.wraps(function)
    def wrapper(*args: Any, data: Path | None, **kwargs: Any) -> Any:
        from oidc_server.commands.environment import settings_for

        with settings_problems_reported():
            settings = settings_for(data)
        return function(*args, settings=settings, **kwargs)

    return wrapper


def in_application(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--data``, and run the command inside an application's context; it gets ``output``.

    The application has what the slices work with, and no endpoints, which would take longer to make than to do most
    commands. Its logs stay quiet unless something is wrong.

    The database of a development server is made or brought up to date first. Any other may be down, and the command
    is run all the same: what it cannot do is told in one line, exit code 1."""

    @with_settings
    @functools.wraps(function)
    def wrapper(*args: Any, settings: Settings, **kwargs: Any) -> Any:
        from oidc_server import assemble
        from oidc_server.core.database import EXTENSION

        with failures_told():
            app = assemble(replace(settings, log_level="error"))
            try:
                with app.app_context():
                    _keep_development_schema_current()
                    return function(*args, **kwargs)
            finally:
                app.extensions[EXTENSION].dispose()

    return wrapper


def on_database(function: Callable[..., Any]) -> Callable[..., Any]:
    """As :func:`in_application`, for commands that cannot do anything without a current schema."""

    @in_application
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        from oidc_server.core import schema
        from oidc_server.core.database import current_database

        if not schema.suffices(current_database().engine):
            raise Refused("The database schema is not current: run `oidc-server db upgrade`.")
        return function(*args, **kwargs)

    return wrapper


def _keep_development_schema_current() -> None:
    """Without OIDC_DATABASE_URL the database is a file of the development server, which nobody else migrates."""
    from oidc_server.core import migration, schema
    from oidc_server.core.database import current_database
    from oidc_server.core.settings import variable

    engine = current_database().engine
    if variable("database_url") not in os.environ and not schema.suffices(engine):
        migration.upgrade(engine)


@contextmanager
def settings_problems_reported() -> Iterator[None]:
    """A context in which unusable settings are told in words and end the command with exit code 2."""
    from oidc_server.core.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        click.echo("The settings cannot be used:", err=True)
        for problem in error.problems:
            click.echo(f"  {problem}", err=True)
        raise SystemExit(EXIT_SETTINGS) from error


def database_of_no_use(error: DBAPIError) -> str:
    """What to say when the database cannot be reached or does not answer."""
    return f"The database cannot be used: {drivers_words(error)}. Check OIDC_DATABASE_URL and that it runs."


def schema_of_no_use(error: Exception) -> str:
    """What to say when the database's revision is none of ours."""
    return f"The database schema is not one that this version knows: {error}."


def drivers_words(error: DBAPIError) -> str:
    """Host and cause; unlike SQLAlchemy's, the driver's own words never hold the statement's values."""
    return (str(error.orig).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def failures_told() -> Iterator[None]:
    """A context in which what the server depends on, and does not work, is told in one line, with exit code 1."""
    from alembic.util import CommandError
    from sqlalchemy.exc import InterfaceError, OperationalError

    from oidc_server.keys.store import KeyStoreError

    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Refused(database_of_no_use(error)) from error
    except CommandError as error:
        raise Refused(schema_of_no_use(error)) from error
    except KeyStoreError as error:
        raise Refused(str(error)) from error
    except ModuleNotFoundError as error:
        if error.name != "psycopg2":
            raise
        raise Refused("PostgreSQL needs its driver: pip install 'oidc-server[postgres]'.") from error


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """A context in which these exceptions refuse the command with their own words."""
    try:
        yield
    except kinds as error:
        raise Refused(str(error)) from error
