"""What runs in a test's namespace ends with the test; the namespace itself stays until the lab ends.

To remove a namespace the API server is asked for each of its fifty kinds of objects, more than once, and that took
more of its time than most tests do.
"""

from __future__ import annotations

import contextlib

from tests.lab.client import Api
from tests.lab.errors import ApiError
from tests.lab.resources import path_of

_AT_WORK = (
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "cronjobs",
    "jobs",
    "deployments",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "pods",
)
"""What does something of its own accord, takes room on nodes or has alerts; owners come before what they own."""


def empty(api: Api, namespace: str) -> None:
    """Ask for the end of all that is at work in a namespace."""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    for kind in _AT_WORK:
        with contextlib.suppress(ApiError):  # a test may have removed the namespace
            api.request("DELETE", path_of(kind, "", namespace), options)
