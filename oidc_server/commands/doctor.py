"""``oidc-server doctor``: everything that the server needs, checked from here, and how to mend what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oidc_server.commands.options import EXIT_REFUSED, EXIT_SETTINGS, Output, data_option, json_option

if TYPE_CHECKING:
    from flask import Flask

    from oidc_server.commands.diagnosis import Finding
    from oidc_server.core.settings import Settings

_GOOD = {
    "database": "It answers.",
    "migrations": "The schema is current.",
    "clock": "It agrees with the database's.",
}
_MEND_DATABASE = "Check OIDC_DATABASE_URL, and that the database runs and can be reached from here."


@click.command()
@click.option("--production", is_flag=True, help="Take what `serve` would refuse for a failure, not for a warning.")
@json_option
@data_option
def doctor(output: Output, data: Path | None, production: bool) -> None:
    """Check settings, database, migrations, keys, clock, Redis and mail, and say how to mend each.

    Exit code 1 when something fails, 2 when the settings cannot be used."""
    from oidc_server.commands.diagnosis import Finding, Status, setting
    from oidc_server.commands.environment import settings_for
    from oidc_server.core.settings import SettingsError

    try:
        settings = settings_for(data)
    except SettingsError as error:
        problems = [setting(problem, Status.FAILED) for problem in error.problems]
        _tell(output, [*problems, Finding("everything else", Status.SKIPPED, "It depends on the settings.")])
        raise SystemExit(EXIT_SETTINGS) from error
    findings = [*settings_findings(settings, production=production), *dependencies(settings)]
    _tell(output, findings)
    if any(finding.status is Status.FAILED for finding in findings):
        raise SystemExit(EXIT_REFUSED)


def _tell(output: Output, findings: Sequence[Finding]) -> None:
    from oidc_server.commands.diagnosis import Status

    healthy = all(finding.status is not Status.FAILED for finding in findings)
    data = {"healthy": healthy, "checks": [vars(finding) for finding in findings]}
    rows = [(finding.check, finding.status, f"{finding.words} {finding.mend}".rstrip()) for finding in findings]
    output.table(("check", "status", "what was found, and how to mend it"), rows, data)


def settings_findings(settings: Settings, *, production: bool) -> list[Finding]:
    """What ``serve`` would refuse of settings that can be used otherwise."""
    from oidc_server.commands.diagnosis import Finding, Status, setting
    from oidc_server.core.settings import SettingsError
    from oidc_server.core.settings_checks import check

    try:
        check(settings, production=True)
    except SettingsError as error:
        return [setting(problem, Status.FAILED if production else Status.WARNING) for problem in error.problems]
    return [Finding("settings", Status.OK, "They are fit for production.")]


def dependencies(settings: Settings) -> Iterator[Finding]:
    """Database, schema and clock as readiness sees them, then keys, Redis and mail."""
    import logging

    import structlog

    from oidc_server.commands import diagnosis
    from oidc_server.commands.diagnosis import Finding, Status
    from oidc_server.core import clock
    from oidc_server.core.database import EXTENSION
    from oidc_server.keys.ring import current_key_ring

    try:
        app = _application(settings)
    except ModuleNotFoundError as error:
        mend = "PostgreSQL needs its driver: pip install 'oidc-server[postgres]'."
        yield Finding("database", Status.FAILED, f"The module {error.name} is not installed.", mend)
        return
    late: list[Finding] = []
    # What fails is told below, with its mend; the server's own log line about it would only come between.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with app.app_context():
        ring = current_key_ring()
        try:
            readiness = list(_readiness())
            yield from readiness
            if settings.key_store == "database" and any(f.status is not Status.OK for f in readiness[:2]):
                yield Finding("keys", Status.SKIPPED, "They are in the database.")
            else:
                yield from diagnosis.keys(settings, ring.store, ring.policy, clock.now())
            if all(f.status is Status.OK for f in readiness[:2]):
                with app.extensions[EXTENSION].glance() as connection:
                    late = list(diagnosis.waiting_mail(connection))
        finally:
            ring.close()
            app.extensions[EXTENSION].dispose()
    yield diagnosis.redis(settings)
    yield diagnosis.mail(settings)
    yield from late


def _application(settings: Settings) -> Flask:
    """What is examined: of the endpoints, those that tell how the server is."""
    from oidc_server import assemble
    from oidc_server.operation import routes

    app = assemble(replace(settings, log_level="error"))
    routes.init_app(app, settings)
    return app


def _readiness() -> Iterator[Finding]:
    from flask import current_app

    from oidc_server.commands.diagnosis import Finding, Status
    from oidc_server.operation.readiness import EXTENSION

    problems = {check.name: check.problem for check in current_app.extensions[EXTENSION].checks()}
    for name, good in _GOOD.items():
        problem = problems[name]
        if problem is None:
            yield Finding(name, Status.OK, good)
        elif name != "database" and problems["database"] is not None:
            yield Finding(name, Status.SKIPPED, "The database does not answer.")
        else:
            words, _, mend = problem.partition(": ")
            sentence = f"{mend[:1].upper()}{mend[1:]}." if mend else _MEND_DATABASE
            yield Finding(name, Status.FAILED, f"{words[:1].upper()}{words[1:]}.", sentence)
