"""Structured logs: one JSON object per line on standard error, without any secret.

Only named fields are logged; raw URLs, bodies and headers never are."""

import logging
import sys
from datetime import UTC, datetime

import orjson

# structlog would import rich too, to draw what is never drawn here: some 3 MB in every worker.
_without_rich = sys.modules.setdefault("rich", None) is None  # type: ignore[arg-type]
import structlog  # noqa: E402
from structlog.typing import EventDict, WrappedLogger  # noqa: E402

if _without_rich:
    del sys.modules["rich"]  # the commands draw tables with it

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _StandardError:
    """Standard error as it is at the moment of writing, wherever it was redirected since the start."""

    def write(self, line: bytes) -> int:
        return sys.stderr.buffer.write(line)

    def flush(self) -> None:
        sys.stderr.flush()


class _StandardErrorText(_StandardError):
    def write(self, line: str) -> int:  # type: ignore[override]
        return sys.stderr.write(line)


_ACCESS_OUTPUT = _StandardError()


def configure(level: str) -> None:
    """Configure structlog, and send what libraries log through ``logging`` the same way."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(_StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_StandardErrorText())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _add_logger_name,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # At DEBUG, Authlib logs whole token responses and SQLAlchemy (our pool included) whole rows: secrets.
    for name in ("alembic", "authlib", "oidc_server.core.connections", "sqlalchemy", "urllib3"):
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))


def _dumps(event: EventDict, **_kwargs: object) -> bytes:
    return orjson.dumps(event, default=str)


def _add_logger_name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event


def access(fields: dict[str, object]) -> None:
    """The line of one request, in the form of every other line but by a shorter way: it is on every hot path."""
    if logging.getLogger().isEnabledFor(logging.INFO):
        fields |= {"level": "info", "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        _ACCESS_OUTPUT.write(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))
        _ACCESS_OUTPUT.flush()


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The application's logger."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
