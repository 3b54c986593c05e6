"""``python -m tests.contract.check SECONDS``: starts a server and tries for so long to make it answer what its OpenAPI
document does not say. The exit code is that of schemathesis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.contract import hooks
from tests.running import NO_TLS, free_port

_START_SECONDS = 30
_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def check(seconds: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis for about so many seconds against a server with its data in ``folder``."""
    with development_server(folder) as known:
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(_CONFIGURATION), "--no-color",
            "run", f"{known[hooks.URL]}/openapi.json", "--max-time", str(seconds), "--max-failures", "20",
            "--suppress-health-check", "all",
        ]  # fmt: skip
        environment = os.environ | known | {"SCHEMATHESIS_HOOKS": "tests.contract.hooks"}
        limit = seconds * 4 + 120
        return subprocess.run(command, check=False, env=environment, text=True, capture_output=True, timeout=limit)


@contextmanager
def development_server(folder: Path) -> Iterator[dict[str, str]]:
    """A server with its demo admin; what the hooks have to know of it."""
    port = free_port()
    command = [
        sys.executable, "-m", "oidc_server.commands", "dev", "--port", str(port), "--data", str(folder),
        "--no-demo-app", "--json",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OIDC_")}
    environment |= {"OIDC_TRUSTED_PROXIES": "127.0.0.1", "OIDC_LOG_LEVEL": "error"}
    said, log = folder / "said.json", folder / "server.log"
    with said.open("wb") as output, log.open("wb") as errors:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=errors)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process, log)
        admin = json.loads(said.read_text())["admin"]
        yield {hooks.URL: url, hooks.EMAIL: admin["email"], hooks.PASSWORD: admin["password"]}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server is ready. Raises ``AssertionError`` with its log when it does not become so."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", verify=NO_TLS).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def main() -> None:
    """Check, and print what schemathesis says."""
    with tempfile.TemporaryDirectory(prefix="oidc-contract-") as folder:
        done = check(int(sys.argv[1]) if len(sys.argv) > 1 else 300, Path(folder))
        faults = [line for line in (Path(folder) / "server.log").read_text().splitlines() if '"fault"' in line]
    sys.stdout.write("\n".join([done.stdout, done.stderr, *faults[:10], ""]))
    raise SystemExit(done.returncode or bool(faults))


if __name__ == "__main__":
    main()
