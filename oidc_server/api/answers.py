"""Answers of the JSON API that are written at once, without a schema: what a list costs is mostly its serialisation.

The schema of such an answer describes it, and a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as JSON; ids are told in their canonical form, instants by RFC 3339."""
    return Response(orjson.dumps(body), status, headers=headers, content_type="application/json")
