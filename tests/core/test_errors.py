"""Every reason is explained, used, and told to nobody outside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import oidc_server
from oidc_server.core.errors import Reason, Refusal, Throttled, Unavailable


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_says_what_it_means_and_how_to_mend_it(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason.value)
    assert reason.value == reason.name.lower()
    for text in (reason.meaning, reason.mend):
        assert text[0].isupper() or text.startswith("`")
        assert text.endswith(".")
        assert len(text) >= 8
    assert len(reason.value) <= 32  # it is stored as the reason of a revocation


def test_every_reason_is_used_in_the_code() -> None:
    package = Path(oidc_server.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    unused = {reason for reason in Reason if f"Reason.{reason.name}" not in code}
    assert unused == set()


def test_no_two_reasons_mean_the_same() -> None:
    assert len({reason.meaning for reason in Reason}) == len(Reason)


def test_a_refusal_carries_its_reason_detail_and_time_to_wait() -> None:
    refusal = Throttled(Reason.LOGIN_THROTTLED, "address", retry_after=7)
    assert (refusal.status, refusal.reason, refusal.detail, refusal.retry_after) == (
        429,
        Reason.LOGIN_THROTTLED,
        "address",
        7,
    )
    assert str(refusal) == "login_throttled: address"
    assert str(Refusal(Reason.NOT_FOUND)) == "not_found"
    assert Unavailable(Reason.HASHING_BUSY).retry_after == 2
