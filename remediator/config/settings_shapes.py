"""The models of the settings file. A key of docs/settings.md is a field here, or in `later` until this version does it.

Defaults stand in `settings.py` alone: what is not written is not dumped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from remediator.config.guard_shapes import GuardsShape
from remediator.config.http_shapes import FilePath, HttpConfigShape, Url, WebShape, unique_names
from remediator.config.problems import meant, unknown_interval
from remediator.config.receiver_shapes import NoticesShape, ReceiverShape
from remediator.config.rule_shapes import Labels
from remediator.config.settings import is_shared
from remediator.config.shapes import LongSeconds, ModeName, Seconds, Shape, Text, one_of, said
from remediator.config.time_interval_shapes import TimeIntervalShape
from remediator.core.kinds import names_object
from remediator.core.rules import Protected

SHORTEST_AGE = 10.0
"""Seconds: `kubernetes.max_cache_age` at least."""

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_PAIR = re.compile(rf"(?:[a-z0-9.-]+/)?{_NAME}=(?:{_NAME})?")


def _storage(value: str, info: ValidationInfo) -> str:
    """A journal's URL with an absolute path, written with four slashes as SQLAlchemy understands it.

    `sqlite:///var/lib/…` is absolute as in `file:///var/lib/…`, to SQLAlchemy it is relative: a single name, which
    the two would take to different places, is refused.
    """
    if value.startswith(("postgresql:", "postgres:", "postgresql+")):
        return _postgresql(value)
    if "@" in value:  # first of all: no message may show a password
        raise said("is not where a journal can be", "write sqlite:///var/lib/remediator/journal.db")
    path = value.removeprefix("sqlite:///")
    if path == value or not path.strip("/.") or "?" in path or not path.isprintable():
        raise said(f"`{value}` is not where a journal can be", "write sqlite:///var/lib/remediator/journal.db")
    if path.startswith(("./", "../")):
        return f"sqlite:///{(Path(info.context or '.') / path).absolute()}"
    if "/" not in path:
        remedy = f"write sqlite:///./{path} for a file beside this one, or sqlite:///var/lib/remediator/{path}"
        raise said(f"`{value}` may be read as two places", remedy)
    return f"sqlite:////{path.lstrip('/')}"


def _postgresql(value: str) -> str:
    """A URL as libpq takes it, which names a database and holds no password. No message shows it whole."""
    scheme, _, rest = value.partition("://")
    authority, _, query = rest.partition("?")
    user_info, _, place = authority.rpartition("@")
    if ":" in user_info or re.search(r"(?:^|&)password=", query):
        raise said("holds a password", "leave it out of the URL and write `password_file` beside it")
    if scheme not in ("postgresql", "postgres") or not place.partition("/")[2] or not value.isprintable():
        raise said("is not where a journal can be", "write postgresql://user@host:5432/database")
    return value


def _selector(value: str) -> str:
    if not all(_PAIR.fullmatch(each) for each in value.split(",")):
        raise said(f"`{value}` is not a selector of name=value pairs", "write app.kubernetes.io/part-of=monitoring")
    return value


def _object(value: str) -> str:
    if not names_object(value):
        raise said(f"`{value}` is not an object's name", "write Kind/namespace/name, or Node/name")
    return value


def _long_enough(value: float) -> float:
    if value < SHORTEST_AGE:
        raise said("is too short", f"a watch is renewed twice within it: write at least {SHORTEST_AGE:.0f}s")
    return value


class StorageShape(Shape):
    """`storage`."""

    renamed: ClassVar = {"path": "url"}

    url: Annotated[Text, AfterValidator(_storage)] | None = None
    password_file: FilePath | None = None
    retention: LongSeconds | None = None
    archive: FilePath | None = None

    @model_validator(mode="after")
    def _password_of_something(self) -> Self:
        if self.password_file is not None and not is_shared(self.url or ""):
            raise said("only a database server asks for a password", "leave it out", at=("password_file",))
        return self

    @model_validator(mode="after")
    def _something_to_archive(self) -> Self:
        if self.archive is not None and self.retention is None:
            remedy = "write `retention: 400d` beside it, or archive by `remediator audit archive`"
            raise said("nothing is ever archived where records are kept for ever", remedy, at=("archive",))
        return self


class PrometheusShape(Shape):
    """`prometheus`."""

    url: Url
    timeout: LongSeconds | None = None
    max_skew: LongSeconds | None = None
    confirms_resolves: bool | None = None
    http_config: HttpConfigShape | None = None


class AlertmanagerShape(Shape):
    """`alertmanager`."""

    model_config = one_of("url", "urls")

    url: Url | None = None
    urls: Annotated[list[Url], Field(min_length=1)] | None = None
    receiver: Text | None = None
    interval: LongSeconds | None = None
    timeout: LongSeconds | None = None
    http_config: HttpConfigShape | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) is (self.urls is None):
            raise said("exactly one of `url` and `urls` is needed", "write `url`, or `urls` for all of one cluster")
        return self


class KubernetesShape(Shape):
    """`kubernetes`."""

    kubeconfig: FilePath | None = None
    context: Text | None = None
    max_cache_age: Annotated[LongSeconds, AfterValidator(_long_enough)] | None = None
    events: bool | None = None
    pause_configmap: str | None = None


class LeaderElectionShape(Shape):
    """`leader_election`."""

    enabled: bool | None = None
    lease: Text | None = None
    namespace: Text | None = None
    duration: LongSeconds = 15.0
    renew: LongSeconds = 10.0
    retry: LongSeconds = 2.0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.retry < self.renew < self.duration:
            raise said("a lease must outlast its renewal, and that its retry", "write retry < renew < duration")
        return self


class ProtectedShape(Shape):
    """`protected`: what is listed, and what is protected in any case."""

    namespaces: list[Text] = []
    selectors: list[Annotated[str, AfterValidator(_selector)]] = []
    allow: list[Annotated[str, AfterValidator(_object)]] = []

    @model_validator(mode="after")
    def _always(self) -> Self:
        self.namespaces.extend(each for each in Protected().namespaces if each not in self.namespaces)
        return self


class LogShape(Shape):
    """`log`."""

    level: Literal["debug", "info", "warning", "error"] | None = None
    format: Literal["json", "text"] | None = None


class SettingsShape(Shape):
    """The settings file."""

    renamed: ClassVar = {
        "global": "evaluation_interval",
        "groups": "rule_files",
        "rules": "rule_files",
        "dry_run": "mode: observe",
        "database": "storage",
        "listen": "web.listen",
    }

    mode: ModeName | None = None
    rule_files: list[FilePath] | None = None
    evaluation_interval: LongSeconds | None = None
    reload_interval: LongSeconds | None = None
    external_labels: Labels | None = None
    storage: StorageShape | None = None
    web: WebShape | None = None
    prometheus: PrometheusShape | None = None
    alertmanager: AlertmanagerShape | None = None
    kubernetes: KubernetesShape | None = None
    leader_election: LeaderElectionShape | None = None
    guards: GuardsShape | None = None
    protected: ProtectedShape | None = None
    receivers: Annotated[list[ReceiverShape], AfterValidator(unique_names)] | None = None
    notices: NoticesShape | None = None
    log: LogShape | None = None
    shutdown_grace: Seconds | None = None
    time_intervals: Annotated[list[TimeIntervalShape], AfterValidator(unique_names)] | None = None

    @model_validator(mode="after")
    def _one_writes_a_file(self) -> Self:
        shared = is_shared((self.storage and self.storage.url) or "")
        if self.leader_election and self.leader_election.enabled and not shared:
            remedy = "write storage.url: postgresql://user@host:5432/database, or run one replica without it"
            raise said("several replicas cannot share an SQLite file", remedy, at=("leader_election", "enabled"))
        return self

    @model_validator(mode="after")
    def _somebody_to_ask(self) -> Self:
        for key in ("require", "veto"):
            if self.prometheus is None and self.guards is not None and getattr(self.guards, key) is not None:
                raise said("there is no Prometheus to ask", "write `prometheus: {url: …}`", at=("guards", key))
        return self

    @model_validator(mode="after")
    def _known_intervals(self) -> Self:
        known = {each.name for each in self.time_intervals or ()}
        active = (self.guards and self.guards.active_time_intervals) or []
        muting = (self.guards and self.guards.mute_time_intervals) or []
        for key, names in (("active_time_intervals", active), ("mute_time_intervals", muting)):
            for index, name in enumerate(names):
                if name not in known:
                    raise said(*unknown_interval(name, known), at=("guards", key, index))
        return self

    @model_validator(mode="after")
    def _known_receiver(self) -> Self:
        known = {each.name for each in self.receivers or ()}
        wanted = self.notices.receiver if self.notices else None
        if wanted is not None and wanted not in known:
            remedy = meant(wanted, known) if known else "write `receivers` too"
            raise said(f"there is no receiver `{wanted}`", remedy, at=("notices", "receiver"))
        return self
