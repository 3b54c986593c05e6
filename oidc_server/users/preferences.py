"""What a person chose for the apps of this deployment, by namespace. This server gives it no meaning, only bounds."""

from __future__ import annotations

import math
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.users.models import Preferences, User

MAX_BYTES = 16 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_NAME_WORDS = "A name is a letter or digit and up to 63 letters, digits, dots, hyphens and underscores."
_DEPTH = 8
_WHOLE_NUMBERS = 2**53 - 1  # RFC 7493 §2.2: beyond this, programs do not agree on which number it is


class PreferencesInvalid(ValueError):
    """Preferences may not be like this; ``problems`` says where and why, nested as what was sent."""

    def __init__(self, problems: Mapping[str, Any]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def preferences_of(session: Session, user_id: uuid.UUID) -> dict[str, Any]:
    """Everything a person has chosen, by namespace and name."""
    kept = session.get(Preferences, user_id)
    return {} if kept is None else kept.values


def change_preferences(session: Session, user: User, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Change what ``patch`` names, by a JSON merge patch (RFC 7396): null removes a value, or a whole namespace.

    Returns all that is kept then. Raises :class:`PreferencesInvalid`."""
    problems = {name: wrong for name, part in patch.items() if (wrong := _problem_of_namespace(name, part))}
    if problems:
        raise PreferencesInvalid(problems)
    # Two changes at once come one after the other, also those that would both make the row.
    session.refresh(user, with_for_update={"key_share": True})
    kept = session.get(Preferences, user.id, populate_existing=True) or Preferences(user_id=user.id, values={})
    merged = {name: part for name, part in _merged(kept.values, patch).items() if part}
    if len(orjson.dumps(merged)) > MAX_BYTES:
        raise PreferencesInvalid({"_schema": [f"All preferences together have at most {MAX_BYTES} bytes of JSON."]})
    kept.values, kept.updated_at = merged, clock.now()
    session.add(kept)
    session.flush()
    return merged


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7396 §2."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _problem_of_namespace(name: str, part: Any) -> Any:
    if not _NAME.fullmatch(name):
        return [_NAME_WORDS]
    if part is None:
        return None
    if not isinstance(part, Mapping):
        return ["A namespace is an object, or null."]
    problems = {}
    for key, value in part.items():
        if not _NAME.fullmatch(key):
            problems[key] = [_NAME_WORDS]
        elif (wrong := next(_faults(value, _DEPTH), None)) is not None:
            problems[key] = [wrong]
    return problems


def _faults(value: Any, depth: int) -> Iterator[str]:
    """What no database keeps, or no two programs read alike."""
    if depth == 0:
        yield f"It is nested more than {_DEPTH} deep."
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _faults(key, 1)
            yield from _faults(part, depth - 1)
    elif isinstance(value, list):
        for part in value:
            yield from _faults(part, depth - 1)
    elif (fault := _fault_of_scalar(value)) is not None:
        yield fault


def _fault_of_scalar(value: Any) -> str | None:
    if isinstance(value, str) and any(_is_unfit(character) for character in value):
        return "It has characters that no text has."
    if isinstance(value, float) and not math.isfinite(value):
        return "It is a number beyond all that programs can hold."
    if isinstance(value, int) and abs(value) > _WHOLE_NUMBERS:
        return "It is a whole number that programs do not read alike; write it as a text."
    return None


def _is_unfit(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
