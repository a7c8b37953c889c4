"""How a target stood when something was about to be done about it: read live, bounded, without secrets.

Texts are scrubbed and without control characters before they are put in here.
"""

from __future__ import annotations

from datetime import datetime

from remediator.core.model import Value


class PodState(Value, frozen=True):
    """One pod. `state` is why it does not run well, as `CrashLoopBackOff`; `last_exit` how its last container ended,
    as `exit 137 (OOMKilled)`; `message` what the kubelet says about it.
    """

    name: str
    ready: bool = False
    state: str = ""
    restarts: int = 0
    last_exit: str = ""
    node: str = ""
    message: str = ""


class LogTail(Value, frozen=True):
    """The last lines of a container's log; `previous` where it is that of the instance that ended."""

    pod: str
    container: str
    lines: tuple[str, ...]
    previous: bool = True


class RecentEvent(Value, frozen=True):
    """One Event of the cluster about the target or its pods."""

    about: str
    type: str
    reason: str
    message: str
    count: int = 1
    last_at: datetime | None = None


class Revision(Value, frozen=True):
    """One roll-out of the target, newest first; `ready` are the pods that it has now, None where that is not known."""

    number: int
    created_at: datetime | None = None
    images: tuple[str, ...] = ()
    ready: int | None = None
    cause: str = ""


class ServiceState(Value, frozen=True):
    """A Service that selects the target's pods, and how many of its endpoints take traffic."""

    name: str
    ready: int = 0
    not_ready: int = 0


class NodeState(Value, frozen=True):
    """A node that a pod of the target stands on, or the target itself; `troubles` are empty where it is well."""

    name: str
    troubles: tuple[str, ...] = ()


class Diagnosis(Value, frozen=True, tag_field="kind", tag="diagnosis"):
    """All of it. `changed` is the difference between the present revision's template and the one before it, `unread`
    names what could not be read and why, `cut` what there was no room for.
    """

    taken_at: datetime
    pods: tuple[PodState, ...] = ()
    logs: tuple[LogTail, ...] = ()
    events: tuple[RecentEvent, ...] = ()
    revisions: tuple[Revision, ...] = ()
    changed: str = ""
    services: tuple[ServiceState, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    unread: dict[str, str] = {}
    cut: tuple[str, ...] = ()
