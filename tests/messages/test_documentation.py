"""The documentation tells of every mail, of what stands in templates, and of the times that the code keeps."""

from __future__ import annotations

import re
from datetime import timedelta

from oidc_server.authorizations.sweep import MESSAGES_KEPT
from oidc_server.messages import outbox
from oidc_server.messages.kinds import Kind
from oidc_server.messages.patience import FIRST_WAIT, GIVEN_UP_AFTER, LONGEST_PAUSE, LONGEST_WAIT
from oidc_server.messages.queue import LEASE
from oidc_server.messages.rendering import VALUES
from tests.documentation.prose import page
from tests.pages.messages import TEMPLATES


def test_every_mail_is_told_of_in_the_words_of_the_code() -> None:
    text = page("messages.md").text
    assert [kind for kind in Kind if f"| `{kind.value}` | {kind.meaning} |" not in text] == []
    assert {kind.value for kind in Kind if "link" not in kind.needs} == set(
        re.findall(r"`(\w+)` \| .* \| none \|", text)
    )


def test_every_value_and_every_block_of_the_frame_is_named() -> None:
    text = page("messages.md").text
    frames = [path.read_text(encoding="utf-8") for path in TEMPLATES if path.stem == "layout"]
    blocks = {block for frame in frames for block in re.findall(r"{% block (\w+) %}", frame)}
    assert len(frames) == 2
    assert [name for name in (*VALUES, *blocks) if f"`{name}`" not in text] == []


def test_each_kind_has_a_template_for_text_and_each_mail_one_for_html_and_there_is_no_other() -> None:
    found = {path.name for path in TEMPLATES if path.parent.name == "messages"}
    stems = [*(kind.value for kind in Kind), "layout"]
    expected = {f"{stem}.{ending}" for stem in stems for ending in ("txt", "html")} | {"outbox.html"}
    assert found == expected - {"mfa_code_by_sms.html"}


def test_the_times_that_the_prose_relies_on_are_those_of_the_code() -> None:
    assert timedelta(seconds=10) == FIRST_WAIT
    assert timedelta(hours=1) == LONGEST_WAIT
    assert timedelta(minutes=1) == LONGEST_PAUSE
    assert timedelta(minutes=5) == LEASE
    assert timedelta(days=3) == GIVEN_UP_AFTER
    assert timedelta(days=33) == MESSAGES_KEPT
    assert timedelta(days=1) == outbox.KEPT
