"""``python -m oidc_server.commands.reference docs/``: writes the pages that follow from the code.

Settings, commands, reasons, audit events, the HTTP interface, and the table of attacks that the tests cover."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from oidc_server.api.codes import Code
from oidc_server.audit.catalogue import Event
from oidc_server.commands.attack_cases import find_coverage, read_cases, render_cases
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings, variable
from oidc_server.documentation.outline import Operation, Table, outline

_NOTICE = "\n<!-- Made from the code by `make docs`; changes belong there. -->\n"
_BEGIN, _END = "<!-- cases: begin -->\n", "<!-- cases: end -->\n"
_KINDS = {"str": "text", "int": "whole number", "list": "list", "path": "path", "bool": "true or false"}

_SETTINGS = """\
# Settings

Settings are environment variables. They are read once, at the start; every problem is told at once, with the name of
the variable and how to mend it, and the exit code is 2. `oidc-server doctor` checks them together with what they name.

- A list is written with commas: `10.0.0.0/8,192.0.2.1`.
- `oidc-server dev` needs none: it makes its own secrets and keeps them in `var/dev.json`. What the environment sets
  takes the place of its defaults.
- `oidc-server serve` demands `OIDC_ISSUER` (https), `OIDC_DATABASE_URL` and `OIDC_SECRET_KEY`; the `database` key store
  demands `OIDC_MASTER_KEY` as well. It refuses to start with a short or guessable secret, with a password cost below
  12, or with `FLASK_DEBUG` or `AUTHLIB_INSECURE_TRANSPORT` switched on.
- Values marked as secret are never logged and never shown.
"""
_CLI = """\
# Command line

All commands take `--help`. Where their options list them, `--json` prints JSON on standard output, and `--data DIR`
names a development server's folder. Without `--data`, a command acts on the server of the environment's settings; when
`OIDC_DATABASE_URL` is not set, on the development server's data in `var/` and `keys/`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused, or something is not in order: one line on standard error says why, and nothing was changed |
| 2 | the settings, the schema or the key store cannot be used, or the command was misspelt |
"""
_REASONS = """\
# Reasons

A caller who is refused sees a standard error and an `error_id`. The log has one line `refused` with the same
`error_id`, whose `reason` is one of these. [Monitoring](monitoring.md) shows how to find it. The reason is never sent.
"""
_CODES = """\
# Error codes

The JSON API, health and everything else outside of `/oauth/` and the pages refuses by problem details (RFC 9457,
`application/problem+json`). Programs rely on `code`, which is one of these and stays what it is; `detail` is the
sentence below. `errors` names the members of the request that were wrong, each with sentences. `error_id` is the
request's id: the log says under it [why exactly](reasons.md).

```json
{
  "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "validation_failed",
  "detail": "Members of the body are not as documented; `errors` names each.",
  "error_id": "0f3a1c5be2d94c7788a1d2e3", "errors": {"password": ["Missing data for required field."]}
}
```

| code | status | what it says |
|---|---|---|
"""
_AUDIT = """\
# Audit events

Security facts are rows of the table `audit_events`, written in the transaction of the fact: either both exist or
neither does. Triggers refuse to change or delete a row. Tokens are counted in the metrics and not recorded one by one.

| column | holds |
|---|---|
| `id` | UUIDv7, in the order of time |
| `occurred_at` | when, in UTC |
| `event` | one of the names below |
| `actor_kind`, `actor_id` | who caused it: `user`, `client`, `operator` (at the command line) or `system` |
| `subject_kind`, `subject_id` | what it happened to |
| `client_id`, `user_id` | the client and the person concerned, if there are any |
| `address` | the caller's address, as the nearest trusted proxy saw it |
| `request_id` | the request, which is the `error_id` of its refusal |
| `detail` | further facts as JSON; never a secret |

| event | happens to | meaning |
|---|---|---|
"""
_API = """\
# HTTP interface

Made from the OpenAPI 3.1 document, which the server itself has at `/openapi.json`, and as a page at `/docs`.
"""


def cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())


def _row(*cells: str) -> str:
    return "| " + " | ".join(map(cell, cells)) + " |"


def render_settings() -> str:
    """``settings.md``."""
    lines = [_SETTINGS, "| variable | kind | default | meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(Settings):
        default = field.default
        shown = f"`{default}`" if default not in {"", ()} else "none"
        kind = _KINDS[field.metadata["kind"]] + (", secret" if field.metadata["secret"] else "")
        lines.append(_row(f"`{variable(field.name)}`", kind, shown, field.metadata["doc"]))
    return "\n".join(lines) + "\n"


def render_reasons() -> str:
    """``reasons.md``."""
    sections = [f"## `{reason.value}`\n\n{reason.meaning}\n\n*What to do:* {reason.mend}\n" for reason in Reason]
    return "\n".join([_REASONS, *sections])


def render_audit_events() -> str:
    """``audit-events.md``."""
    rows = [_row(f"`{event.value}`", event.subject.replace("_", " "), event.meaning) for event in Event]
    return _AUDIT + "\n".join(rows) + "\n"


def render_error_codes() -> str:
    """``error-codes.md``."""
    rows = [_row(f"`{code.value}`", str(code.status), code.detail) for code in Code]
    return _CODES + "\n".join(rows) + "\n"


def commands(root: click.Command, name: str = "oidc-server") -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, each with its full name."""
    yield name, root
    if isinstance(root, click.Group):
        context = click.Context(root, info_name=name)
        for child in root.list_commands(context):
            command = root.get_command(context, child)
            if command is not None:
                yield from commands(command, f"{name} {child}")


def render_cli(root: click.Command) -> str:
    """``cli.md``."""
    return "\n".join([_CLI, *(_command(name, command) for name, command in commands(root))])


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, max_content_width=110, terminal_width=110)
    paragraphs = [" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")]
    lines = [f"## {name}\n", "\n\n".join(paragraphs) + "\n"]
    if isinstance(command, click.Group):
        children = [f"{name} {child}" for child in command.list_commands(context)]
        return "\n".join([*lines, *(f"- [{child}](#{child.replace(' ', '-')})" for child in children), ""])
    usage = " ".join(context.get_usage().split()).removeprefix("Usage: ")
    lines.append(f"```\n{usage}\n```\n")
    shown = [one for one in command.params if isinstance(one, click.Option)]
    records = [record for one in shown if (record := one.get_help_record(context))]
    if records:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [_row(_option(option), words) for option, words in records]
        lines.append("")
    return "\n".join(lines)


def _option(record: str) -> str:
    """An option as code. A bar would end the table's cell, whatever stands around it; a reference to it does not."""
    return f"<code>{html.escape(record).replace('|', '&#124;')}</code>" if "|" in record else f"`{record}`"


def render_api(document: dict[str, Any]) -> str:
    """``api.md``."""
    content = outline(document)
    sections = [_API, content.description + "\n"]
    for name, description, operations in content.tags:
        sections.append(f"## {name}\n\n{description}\n")
        sections += [_operation(operation) for operation in operations]
    sections.append("## Bodies\n\nThe members of what is answered.\n")
    sections += [f"### {body.title}\n\n{body.description}\n\n{_fields(body)}" for body in content.bodies]
    return "\n".join(sections)


def _operation(operation: Operation) -> str:
    lines = [f"### {operation.method} {operation.path}\n", f"**{operation.summary}.** {operation.description}\n"]
    lines.append(f"Callers: {operation.callers}.\n")
    if operation.query:
        lines.append(_fields(operation.query))
    if operation.sent_on:
        lines.append(f"{operation.sent_on.description}\n\n{_fields(operation.sent_on)}")
    for form in operation.forms:
        title = f"`grant_type={form.title}`: {form.description}" if len(operation.forms) > 1 else form.description
        lines.append(f"{title}\n\n{_fields(form)}")
    lines += ["| status | body | meaning |", "|---|---|---|"]
    for answer in operation.answers:
        body = f"[{answer.body}](#{answer.body.lower()})" if answer.body else answer.media_type.partition(";")[0]
        lines.append(_row(answer.status, body or "none", answer.description))
    return "\n".join(lines) + "\n"


def _fields(table: Table) -> str:
    lines = ["| name | value | meaning |", "|---|---|---|"]
    for field in table.fields:
        name = f"`{field.name}`" + (" (required)" if field.required else "")
        lines.append(_row(name, field.kind, field.description))
    return "\n".join(lines) + "\n"


def put_cases(page: str, table: str) -> str:
    """The page with the table between its two marks. Raises ``ValueError`` when it lacks them."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("The page has no place for the table of cases.")
    return f"{before}{begin}\n{table}\n\n{end}{after}"


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of a server that nothing is configured of; no database and no key is touched."""
    from oidc_server import create_app
    from oidc_server.documentation.routes import document_of

    settings = Settings(issuer="https://login.example.com", database_url="sqlite:///unused.sqlite3", log_level="error")
    app = create_app(settings)
    return document_of(app)


def pages(docs: Path) -> dict[Path, str]:
    """Every page that follows from the code, as it should be. Raises ``ClickException`` for a case without words."""
    from oidc_server.commands import main

    cases, coverage = read_cases(docs / "attack-cases.toml"), find_coverage(docs.parent / "tests")
    if unknown := sorted({f"{one.case} ({one.file})" for one in coverage if one.case not in cases}):
        raise click.ClickException(f"attack-cases.toml has no words for {', '.join(unknown)}.")
    table = render_cases(cases, coverage)
    security = docs / "security.md"
    whole = {
        "settings.md": render_settings(),
        "cli.md": render_cli(main),
        "reasons.md": render_reasons(),
        "audit-events.md": render_audit_events(),
        "error-codes.md": render_error_codes(),
        "api.md": render_api(openapi_document()),
    }
    security = docs / "security.md"
    made = {docs / name: text.rstrip("\n") + "\n" + _NOTICE for name, text in whole.items()}
    return made | {security: put_cases(security.read_text(encoding="utf-8"), table)}


@click.command()
@click.argument("docs", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when a page is not as it should be.")
def write_reference(docs: Path, check: bool) -> None:
    """Write the pages that follow from the code."""
    stale = []
    for path, wanted in pages(docs.resolve()).items():
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            stale.append(path.name)
            if not check:
                path.write_text(wanted, encoding="utf-8")
    click.echo(f"{'Not as the code says' if check else 'Written anew'}: {', '.join(stale) or 'nothing'}.")
    if check and stale:
        raise SystemExit(1)


if __name__ == "__main__":
    write_reference()
