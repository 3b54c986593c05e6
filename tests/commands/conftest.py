"""Fixtures for the command line: it acts on the same database and keys as the application under test."""

from pathlib import Path

import pytest
from flask import Flask

from oidc_server.core.settings import Settings
from tests.commands.command_line import CommandLine, environment_of


@pytest.fixture
def cli(settings: Settings, app: Flask) -> CommandLine:
    """The command line with the settings of ``app`` in its environment, on both kinds of database."""
    return CommandLine(environment_of(settings))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line in an empty folder, without any setting: it acts on a development server's data."""
    monkeypatch.chdir(tmp_path)
    return CommandLine({})
