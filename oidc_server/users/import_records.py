"""What a line of a file with users to import says: JSON with their identity, profile (OpenID Connect Core §5.1) and
password hash. A line that says anything else is refused, so that nobody is imported with less than was meant, or with
more than an import may give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oidc_server.core import clock
from oidc_server.core.identity import NotAnEmail, NotAUsername, email_key, username_key
from oidc_server.users.exported_credentials import FirebaseParameters, stored_form
from oidc_server.users.imported_hashes import HashRefused
from oidc_server.users.profile_values import PROFILE_MEMBERS, ProfileInvalid, check_profile

LINE_BYTES_AT_MOST = 65536
_ACCOUNT_MEMBERS = ("email", "username", "email_verified", "password_hash", "created_at", "suspended")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_ADVICE = {
    "password": "A password in clear is never imported: give password_hash, or nothing, and the person sets a new one "
    "by mail. Delete the file.",
    "id": "The account gets an id of its own.",
}
_NO_SUCH_MEMBER = "There is no such member."


class RecordRefused(ValueError):
    """A line that cannot be imported; ``problems`` says why, and repeats neither passwords nor hashes."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person to import, and the line that they stand in. ``profile`` has only what is told."""

    line: int
    email: str
    email_key: str
    username: str | None
    username_key: str | None
    email_verified: bool
    password_hash: str | None
    created_at: datetime | None
    suspended: bool
    profile: Mapping[str, Any]


def read_record(line: int, content: bytes, firebase: FirebaseParameters | None = None) -> UserRecord:
    """The person in this line. A member that is null is as if it were not there.

    Raises :class:`RecordRefused` with all that is wrong with it."""
    values = {name: value for name, value in _object(content).items() if value is not None}
    problems = [f"{name if name.isprintable() else ascii(name)}: {_ADVICE.get(name, _NO_SUCH_MEMBER)}"
                for name in values if name not in _ACCOUNT_MEMBERS and name not in PROFILE_MEMBERS]  # fmt: skip
    profile = _profile(values, problems)
    email, key = _email(values.get("email"), problems)
    username, name_key = _username(values.get("username"), problems)
    record = UserRecord(
        line=line, email=email, email_key=key, username=username, username_key=name_key,
        email_verified=_truth(values, "email_verified", problems), suspended=_truth(values, "suspended", problems),
        password_hash=_hash(values.get("password_hash"), firebase, problems),
        created_at=_instant(values.get("created_at"), problems), profile=profile,
    )  # fmt: skip
    if problems:
        raise RecordRefused(*problems)
    return record


def _object(content: bytes) -> dict[str, Any]:
    if len(content) > LINE_BYTES_AT_MOST:
        raise RecordRefused(f"A line has at most {LINE_BYTES_AT_MOST} bytes.")
    try:
        value = json.loads(content.decode(), object_pairs_hook=_once)
    except RecordRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordRefused("It is no JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise RecordRefused("It is no JSON object.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise RecordRefused("A member stands in it twice.")
    return values


def _profile(values: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    profile = {name: values[name] for name in PROFILE_MEMBERS if name in values}
    try:
        check_profile(profile)
    except ProfileInvalid as error:
        problems += [f"{name}: {words}" for name, words in error.problems.items()]
        return {}
    if "address" in profile:
        profile["address"] = {name: text for name, text in profile["address"].items() if text is not None}
    if profile.get("phone_number_verified") and "phone_number" not in profile:
        problems.append("phone_number_verified: There is no phone number.")
    return profile


def _email(value: Any, problems: list[str]) -> tuple[str, str]:
    try:
        if isinstance(value, str):
            return value, email_key(value)
        problems.append("email: It is text, and has to be there.")
    except NotAnEmail as error:
        problems.append(f"email: It is not an email address that mail can be sent to: {error}.")
    return "", ""


def _username(value: Any, problems: list[str]) -> tuple[str | None, str | None]:
    try:
        if isinstance(value, str):
            return value, username_key(value)
        if value is not None:
            problems.append("username: It is text.")
    except NotAUsername as error:
        problems.append(f"username: {error}")
    return None, None


def _truth(values: Mapping[str, Any], name: str, problems: list[str]) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        problems.append(f"{name}: It is true or false.")
    return value is True


def _hash(value: Any, firebase: FirebaseParameters | None, problems: list[str]) -> str | None:
    try:
        return None if value is None else stored_form(value, firebase)
    except HashRefused as error:
        problems.append(f"password_hash: {error}")
        return None


def _instant(value: Any, problems: list[str]) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
        instant = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        if _EARLIEST <= instant <= clock.now():
            return instant
    except (TypeError, ValueError, OverflowError):
        pass
    problems.append("created_at: It is an instant of the past in ISO 8601, such as 2019-05-31T18:00:00Z.")
    return None
