"""Codes of six digits, as people type them: normalised once, then read strictly."""

from __future__ import annotations

import re

LONGEST_TYPED = 100  # characters; whoever sends more types nothing
_TYPED_BETWEEN = str.maketrans("", "", " -")
_SIX = re.compile(r"[0-9]{6}")


def six_digits(typed: str) -> str | None:
    """The code that was typed, maybe in groups; None for everything else, such as digits of other scripts, a sign, or
    a seventh digit (attack M06)."""
    if len(typed) > LONGEST_TYPED:
        return None
    code = typed.translate(_TYPED_BETWEEN)
    return code if _SIX.fullmatch(code) else None
