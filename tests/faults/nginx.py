"""nginx in front of several instances, set up as in ``deploy/nginx``: it learns of a stop only by what fails."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import RunningServer, free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

_CONFIG = """
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream oidc_server {{
        least_conn;
        {servers}
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://oidc_server;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            {directives}
        }}
    }}
}}
"""


def directives() -> str:
    """What the deployment's own configuration says about turning to the other server."""
    config = Path(__file__).parents[2] / "deploy" / "nginx" / "nginx.conf"
    lines = [line.strip() for line in config.read_text(encoding="utf-8").splitlines()]
    return "\n".join(line for line in lines if line.startswith("proxy_next_upstream"))


@contextmanager
def nginx_before(folder: Path, *instances: RunningServer) -> Iterator[str]:
    """A running nginx; its URL. The test is skipped where nginx is not installed."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    servers = "\n".join(f"server {one.url.removeprefix('http://')} max_fails=2 fail_timeout=5s;" for one in instances)
    path = folder / "nginx.conf"
    path.write_text(_CONFIG.format(folder=folder, port=port, servers=servers, directives=directives()))
    # Started as root, nginx would hand its work to a user who may not enter the temporary folder.
    globally = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    process = subprocess.Popen([NGINX, "-c", str(path), "-g", globally])
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert process.poll() is None, "nginx did not start"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)
