"""Rules that keep the code readable and the repository free of secrets (CONTRIBUTING.md)."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIT = shutil.which("git")
LINES_AT_MOST = 300
JUNK_DRAWERS = {"utils", "util", "helpers", "helper", "common", "base", "misc"}

pytestmark = pytest.mark.skipif(
    GIT is None or not (ROOT / ".git").exists(), reason="skipped: this is not a git clone, or git is not installed"
)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the root of the repository."""
    return subprocess.run([str(GIT), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def files(*folders: str) -> list[Path]:
    """The files of the repository below these folders, those not added yet included, those ignored not."""
    listing = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders)
    assert listing.returncode == 0, listing.stderr
    found = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in found if path.is_file()]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_no_file_of_the_package_or_its_tests_is_longer_than_three_hundred_lines() -> None:
    sources = [path for path in files("oidc_server", "tests") if path.suffix == ".py"]
    assert len(sources) > 10
    too_long = [path for path in sources if len(path.read_text(encoding="utf-8").splitlines()) > LINES_AT_MOST]
    assert named(too_long) == []


def test_a_transaction_is_committed_in_one_module_only() -> None:
    sources = [path for path in files("oidc_server") if path.suffix == ".py"]
    committing = [path for path in sources if "commit(" in path.read_text(encoding="utf-8")]
    assert named(committing) == ["oidc_server/core/database.py"]


def test_no_module_is_a_junk_drawer() -> None:
    parts = {path: {*path.relative_to(ROOT).parts[:-1], path.stem} for path in files("oidc_server", "tests")}
    assert named([path for path, names in parts.items() if names & JUNK_DRAWERS]) == []


@pytest.mark.parametrize(
    "secret",
    [
        "keys/2b7f.pem",
        "keys/2b7f.pem.tmp",
        "signing.pem",
        ".env",
        ".env.local",
        "deploy/nginx/tls/privkey.pem",
        "var/dev.db",
    ],
)
def test_git_ignores_what_must_never_be_committed(secret: str) -> None:
    assert git("check-ignore", "--quiet", "--no-index", secret).returncode == 0


@pytest.mark.parametrize(
    "wanted", ["keys/README.md", ".env.example", "deploy/nginx/nginx.conf", "oidc_server/keys/store.py"]
)
def test_git_does_not_ignore_what_belongs_here(wanted: str) -> None:
    assert git("check-ignore", "--quiet", "--no-index", wanted).returncode == 1


def test_no_key_file_and_no_environment_file_is_in_the_repository() -> None:
    listing = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert listing.returncode == 0, listing.stderr
    names = [name for name in listing.stdout.split("\0") if name]
    assert "pyproject.toml" in names
    assert [name for name in names if name.endswith((".pem", ".key")) or name.rpartition("/")[2] == ".env"] == []
