"""What the pages tell the reader to type exists: commands with options, targets of make, code that can be read."""

from __future__ import annotations

import json
import re
import shlex

import click
import pytest

from oidc_server.commands import main
from tests.documentation.prose import ROOT, Page, pages

_BEFORE = r"(?:^|\| |&& )(?:\w+=\S+ )*(?:docker compose run --rm \w+ )?(?:\S*bin/)?"
_COMMAND = re.compile(_BEFORE + r"oidc-server (?P<rest>[^|#`]+)", re.MULTILINE)
_MAKE = re.compile(r"(?:^|\| |&& )make (?P<target>[a-z]+)", re.MULTILINE)
_TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)
PAGES = [one for one in pages() if one.name != "docs/cli.md"]


def typed(one: Page) -> list[str]:
    """What a page shows as code: spans, and blocks with continued lines joined."""
    return [*one.spans, *(block.replace("\\\n", " ") for block in one.blocks())]


def commands_in(one: Page) -> list[list[str]]:
    """The words behind each `oidc-server` of a page, to the end of the command."""
    found = [match["rest"].splitlines()[0] for code in typed(one) for match in _COMMAND.finditer(code)]
    return [shlex.split(rest) for rest in found]


def missing(words: list[str]) -> str | None:
    """The first word that the command line does not know."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        child = command.get_command(click.Context(command), name)
        if child is None:
            return name
        command = child
    known = {"--help", "--version"} | {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    return next((word for word in words if word.startswith("--") and word not in known), None)


def test_commands_are_found_in_the_pages() -> None:
    assert sum(len(commands_in(one)) for one in PAGES) > 50
    assert missing(["keys", "burn"]) == "burn"
    assert missing(["keys", "rotate", "--never"]) == "--never"


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_the_commands_of_a_page_exist_with_their_options(one: Page) -> None:
    unknown = [" ".join(words) for words in commands_in(one) if missing(list(words)) is not None]
    assert unknown == []


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_the_targets_of_make_on_a_page_exist(one: Page) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    assert {"dev", "test", "docs"} <= targets
    named = {match["target"] for code in typed(one) for match in _MAKE.finditer(code)}
    assert named <= targets


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_python_and_json_on_a_page_can_be_read(one: Page) -> None:
    for block in one.blocks("python"):
        compile(block, one.name, "exec")
    for block in one.blocks("json"):
        json.loads(block)


def test_diagrams_hold_no_semicolon_that_would_end_a_line_early() -> None:
    for one in PAGES:
        for block in one.blocks("mermaid"):
            assert not block.startswith("sequenceDiagram") or ";" not in block
