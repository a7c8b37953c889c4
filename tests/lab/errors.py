"""What the lab says when something is wrong: where it happened and what to do next."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot go on. The message says what is wrong, where, and what to do."""


class ApiError(LabError):
    """The API server refused a request.

    ``status`` is the HTTP code, ``reason`` the API machinery's word for it (``NotFound``, ``Forbidden`` …).
    """

    def __init__(self, status: int, reason: str, message: str, request: str) -> None:
        super().__init__(f"{request}: {status} {reason}: {message}")
        self.status = status
        self.reason = reason
