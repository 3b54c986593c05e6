"""Templates of a deployment: what happens when they change, and when they are broken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.relying_party import Server

PAGE = '{% extends "pages/page.html" %}{% block content %}<h1>WORDS</h1>{% endblock %}'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    for name in ("pages", "accounts"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_changed_template_is_shown_at_once(make_server: Callable[..., Server], templates: Path) -> None:
    template = templates / "accounts" / "signed_out.html"
    template.write_text(PAGE.replace("WORDS", "Before"))
    server = make_server(template_directory=str(templates))
    assert "<h1>Before</h1>" in server.http.get("/signed-out").text
    template.write_text(PAGE.replace("WORDS", "After"))
    os.utime(template, (1, 1))  # whatever the file system's clock can tell apart
    assert "<h1>After</h1>" in server.http.get("/signed-out").text


@pytest.mark.parametrize("broken", ["{{ nothing.here }}", "{% nonsense", "{{ 1 / 0 }}", '{% extends "no.html" %}'])
def test_a_broken_page_is_an_error_page_with_its_number(
    make_server: Callable[..., Server], templates: Path, broken: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (templates / "accounts" / "signed_out.html").write_text(broken)
    response = make_server(template_directory=str(templates)).http.get("/signed-out")
    assert response.status_code == 500
    assert "Something went wrong" in response.text
    assert response.headers["X-Request-Id"] in response.text
    assert "signed_out.html" in capfd.readouterr().err or "no.html" in broken


@pytest.mark.parametrize("broken", ["{{ nothing.here }}", "{% nonsense", "{{ 1 / 0 }}", '{% extends "no.html" %}'])
def test_when_the_frame_is_broken_the_error_page_is_ours(
    make_server: Callable[..., Server], templates: Path, broken: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (templates / "pages" / "page.html").write_text(broken)
    server = make_server(template_directory=str(templates))
    for path, status in (("/signed-out", 500), ("/oauth/authorize", 400)):
        response = server.http.get(path)
        assert response.status_code == status
        assert "<h1>" in response.text
        assert response.headers["X-Request-Id"] in response.text
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert '"event":"fault"' in capfd.readouterr().err
