"""Lists by pages: ``limit`` and an opaque ``cursor``, ``next`` in the body and as a link (RFC 8288).

Pages go by key, not by number: the last page of a million costs what the first does, and nothing is shown twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request
from marshmallow import ValidationError, fields, validate

from oidc_server.api.blueprint import ApiSchema
from oidc_server.core.identity import parse_id
from oidc_server.pages.addresses import address

MOST = 200
USUAL = 50
Row = TypeVar("Row")


class _Whole(fields.Integer):
    """A whole number in decimal digits: not ``1e2``, `` 1``, or one of another script."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise ValidationError("Has to be a whole number.")
        return super()._deserialize(value, attr, data, **kwargs)


class Cursor(fields.String):
    """Where the page before ended: a ``next`` of an answer, as it came."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        identity = parse_id(super()._deserialize(value, attr, data, **kwargs))
        if identity is None:
            raise ValidationError("Has to be the `next` of an answer.")
        return identity


class PageQuery(ApiSchema):
    """The part of a query that says which page."""

    limit = _Whole(
        load_default=USUAL,
        validate=validate.Range(1, MOST),
        metadata={"description": f"Items of the page, {MOST} at most."},
    )
    cursor = Cursor(load_default=None, metadata={"description": "The `next` of the page before."})


@dataclass(frozen=True)
class Page:
    """The items of a page, as they are shown, and the cursor of the next one."""

    items: list[Any]
    next: str | None

    def headers(self) -> dict[str, str]:
        """The link to the next page, if there is one (RFC 8288 §3)."""
        if self.next is None:
            return {}
        query = {**request.args.to_dict(), "cursor": self.next}
        return {"Link": f'<{address(request.path)}?{urlencode(query)}>; rel="next"'}


def page_of(rows: Sequence[Row], limit: int, cursor_of: Callable[[Row], Any], show: Callable[[Row], Any]) -> Page:
    """The page of the first ``limit`` of ``rows``; one more was asked for, to know whether there is a next page."""
    shown = rows[:limit]
    return Page([show(row) for row in shown], str(cursor_of(shown[-1])) if len(rows) > limit else None)
