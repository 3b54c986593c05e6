"""Pages that follow from the code are as the code says now; `make docs` writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from oidc_server.commands.attack_cases import find_coverage, read_cases, render_cases
from oidc_server.commands.reference import pages, put_cases, write_reference
from tests.documentation.prose import DOCS, ROOT

GENERATED = ("settings.md", "cli.md", "reasons.md", "audit-events.md", "error-codes.md", "api.md", "security.md")


@pytest.fixture(scope="module")
def wanted() -> dict[Path, str]:
    return pages(DOCS)


@pytest.mark.parametrize("name", GENERATED)
def test_a_page_is_as_the_code_says_now(wanted: dict[Path, str], name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == wanted[DOCS / name], "run `make docs`"


def test_all_generated_pages_are_checked(wanted: dict[Path, str]) -> None:
    assert {path.name for path in wanted} == set(GENERATED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the documentation beside the tests, with one stale page."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    shutil.copytree(DOCS, tmp_path / "docs")
    assert CliRunner().invoke(write_reference, [str(tmp_path / "docs")]).exit_code == 0
    (tmp_path / "docs" / "settings.md").write_text("stale")
    return tmp_path / "docs"


def test_checking_names_a_stale_page_and_changes_nothing(copy: Path) -> None:
    result = CliRunner().invoke(write_reference, [str(copy), "--check"])
    assert result.exit_code == 1
    assert result.output == "Not as the code says: settings.md.\n"
    assert (copy / "settings.md").read_text() == "stale"


def test_writing_mends_a_stale_page(copy: Path) -> None:
    result = CliRunner().invoke(write_reference, [str(copy)])
    assert result.exit_code == 0
    assert result.output == "Written anew: settings.md.\n"
    assert "`OIDC_ISSUER`" in (copy / "settings.md").read_text()
    assert CliRunner().invoke(write_reference, [str(copy), "--check"]).exit_code == 0


def test_ids_are_found_in_names_and_docstrings_of_tests_and_nowhere_else(tmp_path: Path) -> None:
    tests = tmp_path / "tests" / "slice"
    tests.mkdir(parents=True)
    (tests / "test_it.py").write_text(
        '"""A module that mentions Z01."""\n'
        "Z02 = 'Z02'\n"
        "def test_one_z03_and_z04(): ...\n"
        'def test_two():\n    """Z05, Z06: both, though not ES256."""\n'
        'def helper():\n    """Z07"""\n'
        'class TestMachine:\n    """Z08"""\n'
    )
    (tests / "support.py").write_text('def test_z09():\n    """Z09"""\n')
    found = find_coverage(tmp_path / "tests")
    assert [one.case for one in found] == ["Z03", "Z04", "Z05", "Z06", "Z08"]
    assert {one.file for one in found} == {"tests/slice/test_it.py"}
    table = render_cases({one.case: "words" for one in found}, found)
    assert "| Z08 | words | `TestMachine` in `tests/slice/test_it.py` |" in table


def test_every_id_that_a_test_names_is_put_in_words() -> None:
    cases = read_cases(DOCS / "attack-cases.toml")
    unknown = {f"{one.case} in {one.file}" for one in find_coverage(ROOT / "tests") if one.case not in cases}
    assert unknown == set(), "add them to docs/attack-cases.toml"


def test_an_id_that_nobody_put_in_words_is_named_and_nothing_is_written(copy: Path) -> None:
    (copy / "attack-cases.toml").write_text('Z99 = "words"\n')
    result = CliRunner().invoke(write_reference, [str(copy)])
    assert result.exit_code == 1
    assert "attack-cases.toml has no words for " in result.output
    assert (copy / "settings.md").read_text() == "stale"


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        put_cases("# Security\n", "| table |")
