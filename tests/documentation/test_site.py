"""`make docs` builds the documentation without a warning, and its pages name no font or script of another site."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.prose import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_every_page_is_built_and_the_recipes_are_in_it(site: Path) -> None:
    assert (site / "getting-started" / "index.html").exists()
    assert not (site / "attack-cases.toml").exists()
    recipes = (site / "resource-servers" / "index.html").read_text()
    assert "AccessTokenVerifier" in recipes
    assert "--8&lt;--" not in recipes


def test_no_page_loads_anything_from_another_site(site: Path) -> None:
    loading = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?((?:https?:)?//[^\s\">]+)")
    for path in site.rglob("*.html"):
        assert loading.findall(path.read_text()) == [], path.name
