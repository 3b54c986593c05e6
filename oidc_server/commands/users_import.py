"""``oidc-server users import``: accounts of another system, from a file with one JSON object a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from oidc_server.commands.options import EXIT_REFUSED, Output, Refused, on_database

if TYPE_CHECKING:
    from io import BufferedReader

    from oidc_server.users.exported_credentials import FirebaseParameters
    from oidc_server.users.import_records import UserRecord
    from oidc_server.users.importing import SeenLines, Verdict

_BATCH = 500
_TRIES = 3
_LISTED_IN_WORDS = 50
_LISTED_IN_JSON = 1000
_SIGNER_KEY_BYTES = 4096

Line = tuple[int, bytes]


@dataclass
class Report:
    """What became of the lines. Of those that were refused or left alone only the first are listed."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("read", "imported", "imported_before", "existing", "refused"), 0)
    )
    lines: list[dict[str, Any]] = field(default_factory=list)

    def note(self, fate: str, line: int, reason: str = "") -> None:
        """Count a line."""
        self.counts[fate] += 1
        if fate in {"refused", "existing"} and len(self.lines) < _LISTED_IN_JSON:
            self.lines.append({"line": line, "fate": fate, "reason": reason})


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.jsonl")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option(
    "--refused", "refused_file", type=click.Path(dir_okay=False, path_type=Path), metavar="NEW_FILE",
    help="Write the lines that are refused there, as they are, to be corrected and imported.",
)  # fmt: skip
@click.option(
    "--firebase-signer-key-file", "signer_key", type=click.File("rb"), metavar="FILE|-",
    help="A file with the base64_signer_key of the Firebase project that the hashes are from.",
)  # fmt: skip
@click.option("--firebase-salt-separator", "separator", default="Bw==", show_default=True, metavar="BASE64")
@click.option("--firebase-rounds", "rounds", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option("--firebase-mem-cost", "mem_cost", type=click.IntRange(1, 24), default=14, show_default=True)
@on_database
def import_users(
    output: Output, file: Path, dry_run: bool, refused_file: Path | None, signer_key: IO[bytes] | None, separator: str,
    rounds: int, mem_cost: int,
) -> None:  # fmt: skip
    """Add the people of another system, whose passwords go on working, from a file with one JSON object a line.

    Accounts that exist are left as they are. Lines that cannot be imported are told with their number, and then the
    exit code is 1; the others are imported all the same. Run it again with the same file when it was interrupted."""
    firebase = _firebase(signer_key, separator, rounds, mem_cost)
    report = Report()
    with ExitStack() as stack:
        source = stack.enter_context(file.open("rb"))
        refused = stack.enter_context(_new_private_file(refused_file)) if refused_file else None
        advance = stack.enter_context(_progress(source))
        _import(source, report, refused, firebase=firebase, dry_run=dry_run, advance=advance)
    _tell(output, report, dry_run=dry_run)
    if report.counts["refused"]:
        raise SystemExit(EXIT_REFUSED)


def _import(
    source: BufferedReader,
    report: Report,
    refused: IO[bytes] | None,
    *,
    firebase: FirebaseParameters | None,
    dry_run: bool,
    advance: Callable[[], None],
) -> None:
    from oidc_server.users.importing import SeenLines

    digest = _digest(source)
    with SeenLines() as seen:
        for lines in _batches(source):
            users, reasons = _read(lines, firebase)
            verdicts = _carry_out(users, seen, digest, dry_run=dry_run)
            outcomes = {verdict.user.line: (verdict.fate.value, verdict.reason) for verdict in verdicts}
            outcomes |= {line: ("refused", reason) for line, reason in reasons.items()}
            for line, content in lines:
                report.counts["read"] += 1
                report.note(outcomes[line][0], line, outcomes[line][1])
                if refused is not None and outcomes[line][0] == "refused":
                    refused.write(content.rstrip(b"\r\n") + b"\n")
            advance()


def _read(lines: list[Line], firebase: FirebaseParameters | None) -> tuple[list[UserRecord], dict[int, str]]:
    """The people in these lines, and why the other lines are refused."""
    from oidc_server.users.import_records import RecordRefused, read_record

    users, reasons = [], {}
    for line, content in lines:
        try:
            users.append(read_record(line, content, firebase))
        except RecordRefused as error:
            reasons[line] = str(error)
    return users, reasons


def _carry_out(users: list[UserRecord], seen: SeenLines, digest: str, *, dry_run: bool) -> list[Verdict]:
    """Decide about a batch and add those who are new, in one transaction; anew, when somebody registered meanwhile."""
    from sqlalchemy.exc import IntegrityError

    from oidc_server.audit.service import operator
    from oidc_server.core.database import reading, transaction
    from oidc_server.users.importing import Fate, add_users, decide

    if dry_run:
        with reading() as session, seen.batch():
            return decide(session, users, seen, digest)
    for _ in range(_TRIES):
        try:
            with seen.batch(), transaction() as session:
                verdicts = decide(session, users, seen, digest)
                new = [verdict.user for verdict in verdicts if verdict.fate is Fate.NEW]
                add_users(session, new, actor=operator(), file=digest)
            return verdicts
        except IntegrityError:
            continue
    raise Refused("Others kept registering the same addresses meanwhile: run it again to go on.")


def _batches(source: BufferedReader) -> Iterator[list[Line]]:
    """The lines that are not empty, with their numbers from 1. Of one that is too long only the beginning is kept."""
    batch: list[Line] = []
    for line in _lines(source):
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(source: BufferedReader) -> Iterator[Line]:
    from oidc_server.users.import_records import LINE_BYTES_AT_MOST

    number = 0
    while content := source.readline(LINE_BYTES_AT_MOST + 1):
        number += 1
        rest = content
        while rest and not rest.endswith(b"\n"):
            rest = source.readline(LINE_BYTES_AT_MOST)
        if number == 1:
            content = content.removeprefix(b"\xef\xbb\xbf")
        if content.strip():
            yield number, content


def _digest(source: BufferedReader) -> str:
    """What the file is known by; reading starts over afterwards."""
    import hashlib

    if not source.seekable():
        raise Refused("It is read twice: give a file, not a pipe.")
    digest = hashlib.file_digest(source, "sha256").hexdigest()[:32]
    source.seek(0)
    return digest


def _firebase(file: IO[bytes] | None, separator: str, rounds: int, mem_cost: int) -> FirebaseParameters | None:
    from oidc_server.users.exported_credentials import FirebaseParameters, check_parameters
    from oidc_server.users.imported_hashes import HashRefused

    if file is None:
        return None
    try:
        parameters = FirebaseParameters(file.read(_SIGNER_KEY_BYTES).decode().strip(), separator, rounds, mem_cost)
        check_parameters(parameters)
    except (OSError, UnicodeDecodeError, HashRefused) as error:
        words = error if isinstance(error, HashRefused) else "The signer key cannot be read."
        raise Refused(f"The parameters of Firebase cannot be used. {words}") from error
    return parameters


@contextmanager
def _new_private_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that only its owner can read, since there may be hashes in it; never one that exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Refused(f"{path} cannot be made: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as file:
        yield file


@contextmanager
def _progress(source: BufferedReader) -> Iterator[Callable[[], None]]:
    """Shows on a terminal how much of the file is done; call what it gives after each batch."""
    if not sys.stderr.isatty():
        yield lambda: None
        return

    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Importing", total=os.fstat(source.fileno()).st_size)
        yield lambda: progress.update(task, completed=source.tell())


def _tell(output: Output, report: Report, *, dry_run: bool) -> None:
    refused = [line for line in report.lines if line["fate"] == "refused"]
    sentences = [f"line {line['line']}: {line['reason']}" for line in refused[:_LISTED_IN_WORDS]]
    if (more := report.counts["refused"] - len(sentences)) > 0:
        sentences.append(f"{more} more lines were refused; --json lists the first {_LISTED_IN_JSON}.")
    if dry_run:
        sentences.append("Nothing was changed: this was a dry run.")
    if output.as_json:
        output.say(report.counts | {"dry_run": dry_run, "lines": report.lines}, "")
    else:
        output.facts(report.counts, *sentences)
