"""Which known attacks and faults the tests cover: ids such as ``A18`` in the names and docstrings of the test suite."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_ID_IN_TEXT = re.compile(r"\b([A-Z]\d\d)\b")
_ID_IN_NAME = re.compile(r"(?<![a-z0-9])([a-z]\d\d)(?![a-z0-9])")
_TESTS = "test_*.py"


@dataclass(frozen=True, order=True)
class Coverage:
    """A test that covers a case: the case's id, the file below the root of the repository, the test's name."""

    case: str
    file: str
    test: str


def read_cases(file: Path) -> dict[str, str]:
    """The cases in words, by id. Raises ``OSError`` and ``tomllib.TOMLDecodeError``."""
    cases: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))
    return cases


def find_coverage(tests: Path) -> list[Coverage]:
    """Every mention of an id in the name or docstring of a test, in order."""
    found = {
        Coverage(case, path.relative_to(tests.parent).as_posix(), test)
        for path in tests.rglob(_TESTS)
        for test, words in _tests_of(path)
        for case in _ids(test, words)
    }
    return sorted(found)


def _tests_of(path: Path) -> Iterator[tuple[str, str]]:
    """The tests of a file with their docstrings: functions, and the classes of state machines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            is_test = isinstance(node, ast.ClassDef) or node.name.startswith("test_")
            if is_test:
                yield node.name, ast.get_docstring(node) or ""


def _ids(test: str, words: str) -> set[str]:
    return {found.upper() for found in _ID_IN_NAME.findall(test)} | set(_ID_IN_TEXT.findall(words))


def render_cases(cases: Mapping[str, str], coverage: list[Coverage]) -> str:
    """The table of covered cases. Raises ``KeyError`` for an id that a test names and nobody has put in words."""
    lines = ["| id | case | tests |", "|---|---|---|"]
    for case in sorted({one.case for one in coverage}):
        tests = "<br>".join(f"`{one.test}` in `{one.file}`" for one in coverage if one.case == case)
        lines.append(f"| {case} | {cases[case]} | {tests} |")
    return "\n".join(lines)
