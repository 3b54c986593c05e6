"""Makes the recipes of `examples/verify` ready to run, in a cache outside the tree, and runs them."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.examples.tokens import ACCEPTED

RECIPES = Path(__file__).parents[2] / "examples" / "verify"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oidc-server" / "verify-recipes"
BUILDS_KEPT = 3  # of each language, so that the cache does not grow for ever

# What package managers say when a download fails, as opposed to a recipe that does not build.
DOWNLOAD_FAILED = re.compile(
    r"\bE(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|NOTCACHED|40[34]|429|50\d)\b"
    r"|Could not transfer artifact|Could not find artifact|in offline mode|Unknown host"
    r"|dial tcp|no such host|i/o timeout|TLS handshake|module lookup disabled|: (40[34]|410|429|50\d) [A-Z]"
)


def command(language: str) -> list[str]:
    """The command line that runs the recipe; skips the test, with the reason, when its language cannot be had."""
    return {"python": _python, "node": _node, "go": _go, "java": _java}[language]()


def _python() -> list[str]:
    return [sys.executable, str(RECIPES / "python" / "verify.py")]


def _node() -> list[str]:
    node, npm = _tool("node"), _tool("npm")
    major = int(
        subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0]
    )
    if major < 20:
        pytest.skip(f"the Node recipe needs Node 20 or newer, this is {major}")

    def build(folder: Path) -> None:
        shutil.copytree(RECIPES / "node", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        _fetch(
            [
                npm,
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--fetch-retries=1",
                "--fetch-retry-mintimeout=1000",
            ],
            folder,
        )

    return [node, str(_built("node", build) / "verify.js")]


def _go() -> list[str]:
    go = _tool("go")

    def build(folder: Path) -> None:
        _fetch([go, "mod", "download"], RECIPES / "go")
        _fetch([go, "build", "-mod=readonly", "-o", str(folder / "verify"), "."], RECIPES / "go")

    return [str(_built("go", build) / "verify")]


def _java() -> list[str]:
    java, maven = _tool("java"), _tool("mvn")

    def build(folder: Path) -> None:
        shutil.copytree(RECIPES / "java", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
        _fetch([maven, "--batch-mode", "--quiet", "compile"], folder)

    target = _built("java", build) / "target"
    # The two options make a short-lived process start sooner.
    return [
        java,
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        f"{target}/classes:{target}/lib/*",
        "example.Verify",
    ]


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def _fetch(arguments: list[str], folder: Path) -> None:
    """Run a package manager: a download that fails skips the test, any other failure fails it."""
    try:
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the packages could not be downloaded: `{arguments[0]} {arguments[1]}` took more than 150 seconds")
    if done.returncode:
        output = done.stdout + done.stderr
        if DOWNLOAD_FAILED.search(output):
            pytest.skip(f"the packages could not be downloaded: {output.strip()[:300]}")
        pytest.fail(f"{' '.join(arguments)} failed:\n{output}", pytrace=False)


def _built(language: str, build: Callable[[Path], None]) -> Path:
    """The folder where this recipe is built, named for what it is built from, so that a change builds it anew."""
    made_in_place = {"node_modules", "target"}
    sources = sorted(
        path for path in (RECIPES / language).rglob("*") if path.is_file() and not made_in_place & {*path.parts}
    )
    digest = hashlib.sha256(b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in sources))
    folder = CACHE / f"{language}-{digest.hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{language}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test process waits here, and then finds it built
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                workplace = Path(scratch) / "build"
                workplace.mkdir()
                build(workplace)
                workplace.rename(folder)
            built = sorted(CACHE.glob(f"{language}-*"), key=lambda path: path.stat().st_mtime)
            for old in built[:-BUILDS_KEPT]:
                shutil.rmtree(old)
    return folder


class Verifier:
    """A running recipe. It is killed when it takes longer than a minute, so that no test hangs."""

    def __init__(self, arguments: list[str], **environment: str) -> None:
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **environment},
        )
        self._watchdog = threading.Timer(60, self._process.kill)
        self._watchdog.start()

    def answer(self, token: str) -> dict[str, Any]:
        """The claims of a good token, or `error` and `reason`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(token + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(f"the recipe ended without an answer: {self.complaints()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def verdict(self, token: str) -> str:
        """`accepted`, or the error code."""
        return str(self.answer(token).get("error", ACCEPTED))

    def finish(self) -> int:
        """Close its input and return its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait()

    def complaints(self) -> str:
        """What it wrote to standard error."""
        self._complaints.seek(0)
        return self._complaints.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._watchdog.cancel()
        self._watchdog.join()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            if stream is not None:
                stream.close()
