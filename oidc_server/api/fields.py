"""Fields of the JSON API's schemas: texts that a database can hold and a page can show."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

_LINES = frozenset("\n\t")


class Text(fields.String):
    """A text in NFC without control characters and half characters; line breaks only where ``lines`` says so.

    ``least`` and ``most`` are in characters. Outer blanks are taken off, and what is left may be empty only when
    ``least`` is 0."""

    normal = True

    def __init__(self, *, least: int = 1, most: int, lines: bool = False, strip: bool = True, **options: Any) -> None:
        self.least, self.most, self.lines, self.strip = least, most, lines, strip
        metadata = {"minLength": least, "maxLength": most} | options.pop("metadata", {})
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        allowed = _LINES if self.lines else frozenset[str]()
        if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in allowed for c in text):
            raise ValidationError("Contains characters that no text has.")
        text = text.strip() if self.strip else text
        if self.normal:
            text = unicodedata.normalize("NFC", text)
        if not self.least <= len(text) <= self.most:
            raise ValidationError(f"Has to have {self.least} to {self.most} characters.")
        return text


class Login(Text):
    """An email address or a username, as it was typed: NFC would make another one of what has look-alike characters in
    it, which ``core/identity.py`` refuses."""

    normal = False


class Password(fields.String):
    """A password as it was typed: nothing is taken off and any character is taken, but not without end."""

    MOST = 1024

    def __init__(self, **options: Any) -> None:
        metadata = {"format": "password", "minLength": 1, "maxLength": self.MOST} | options.pop("metadata", {})
        super().__init__(load_only=True, metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not 1 <= len(text) <= self.MOST:
            raise ValidationError(f"Has to have 1 to {self.MOST} characters.")
        return text


class Whole(fields.Integer):
    """A whole number of JSON: not one in a string, and no ``true``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise ValidationError("Has to be a whole number.")
        return super()._deserialize(value, attr, data, **kwargs)


class Instant(fields.AwareDateTime):
    """An instant, as RFC 3339 writes it, in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        instant = super()._deserialize(value, attr, data, **kwargs)
        try:
            return instant.astimezone(UTC)
        except OverflowError as error:  # at the ends of time, an offset leads out of it
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error
