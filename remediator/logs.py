"""The service's log: one line an event, JSON or text, with hostile text made harmless. Libraries' own logs join it.

Take loggers from here (`logger(name)`), not from structlog: it is imported without rich, which it would load for
tracebacks in colour that no service needs: 80 of 110 ms and 3 of 3.5 MiB.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec

_hidden = {"rich": None} if "structlog" not in sys.modules and "rich" not in sys.modules else {}
sys.modules.update(_hidden)  # type: ignore[arg-type]
import structlog  # noqa: E402
import structlog.processors  # noqa: E402

for _name in _hidden:
    del sys.modules[_name]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""The levels by the name that the settings give them."""
FORMATS = ("json", "text")
LONGEST = 4096
"""Characters kept of one value."""
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters (ANSI sequences begin with one), line ends of any kind, invisible and direction-changing ones."""
_PLAIN = re.compile(r"[^\s\"'=]+")

_Event = MutableMapping[str, Any]


def logger(name: str) -> Any:
    """A structlog logger whose lines say where they come from."""
    return structlog.get_logger(component=name)


def about(**what: str) -> None:
    """Let each line from here on say what it is about (`incident`, `remediation`), in this task and those it begins."""
    structlog.contextvars.bind_contextvars(**what)


def configure(level: str = "info", form: str = "json", out: BinaryIO | None = None) -> None:
    """Set the log up for the whole process; lines go to stderr unless told otherwise.

    Raises `ValueError` for an unknown level or format.
    """
    if level not in LEVELS or form not in FORMATS:
        raise ValueError(f"log: level must be one of {', '.join(LEVELS)}, format one of {', '.join(FORMATS)}")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            _bounded,
            _as_json if form == "json" else _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(out or sys.stderr.buffer),
        cache_logger_on_first_use=False,
    )
    _adopt_libraries(LEVELS[level])


def harmless(text: str) -> str:
    r"""The text with every harmful character written as an escape, `\u001b` for one that begins an ANSI sequence."""
    if text.isprintable():  # as nearly all of it is: then none of them is in it
        return text
    return _HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class LibraryHandler(logging.Handler):
    """Passes what libraries log through `logging` on to our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            level = "warning" if record.levelno < logging.ERROR else "error"
            getattr(logger(record.name), level)(record.getMessage(), exc_info=record.exc_info)
        except Exception:
            self.handleError(record)


def _adopt_libraries(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [LibraryHandler()]
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)
    # One line for every malformed request would let anybody fill the disk.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def _bounded(_: Any, __: str, event: _Event) -> _Event:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST and key != "exception":
            event[key] = f"{value[:LONGEST]}… ({len(value)} characters)"
    return event


def _as_json(_: Any, level: str, event: _Event) -> bytes:
    first = {"time": _now(), "level": level, "event": event.pop("event", "")}
    return harmless(_encoded(first | dict(event))).encode()


def _as_text(_: Any, level: str, event: _Event) -> bytes:
    head = f"{_now()} {level:7} {harmless(str(event.pop('event', '')))}"
    trace = event.pop("exception", "")
    pairs = (f" {harmless(str(key))}={_quoted(value)}" for key, value in event.items())
    lines = "".join(f"\n    {harmless(line)}" for line in trace.splitlines())
    return (head + "".join(pairs) + lines).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _quoted(value: object) -> str:
    """A value of the text form: a plain word as it is, everything else as JSON."""
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and not _HARMFUL.search(value)
    return str(value) if plain else harmless(_encoded(value))


def _encoded(value: object, *, inner: bool = False) -> str:
    """The value as JSON. What JSON cannot say becomes text: a log line must never fail."""
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except Exception:
        if isinstance(value, dict) and not inner:
            pairs = ((_encoded(str(key), inner=True), _encoded(held, inner=True)) for key, held in value.items())
            return "{" + ",".join(map(":".join, pairs)) + "}"
        text = value if isinstance(value, str) else object.__repr__(value)
        return msgspec.json.encode(text.encode("utf-8", "backslashreplace")[:LONGEST].decode(errors="ignore")).decode()
