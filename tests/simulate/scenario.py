"""What is to happen in one simulated run, as a value: it can be made from a seed, shrunk, and kept as a test."""

from __future__ import annotations

from remediator.core.model import Json, Value
from remediator.core.rules import Policy, Rule


class Workload(Value, frozen=True):
    """One workload of the cluster. `trait` says what is special: `reverted` (somebody undoes what others change) or
    `scaled` (an autoscaler sets its replicas).

    `available`: what its disruption budget asks for, where it has one.
    """

    kind: str
    namespace: str
    name: str
    image: str
    replicas: int = 2
    labels: dict[str, str] = {}
    trait: str = ""
    available: str = ""

    @property
    def key(self) -> str:
        """As `Target.key` names it."""
        return f"{self.kind}/{self.namespace}/{self.name}"


class Happening(Value, frozen=True, omit_defaults=True):
    """One thing that happens, `at` so many seconds into the run; `what` is a name in `happenings.HAPPENINGS`."""

    at: float
    what: str
    where: str = ""
    args: Json = {}

    def __str__(self) -> str:
        args = " ".join(f"{name}={value}" for name, value in self.args.items())
        return f"{self.at:10.3f}s  {self.what} {self.where} {args}".rstrip()


class Scenario(Value, frozen=True):
    """A whole run: `seed` for all that is drawn on the way (delays, names), `hours` until everything is put right.

    `journal` is memory or sqlite. `interval` is that of alert evaluation, in seconds; `pace` stretches all that
    Prometheus and Alertmanager wait for. A checkpoint is written after so many records; those of closed incidents are
    kept for so many seconds. `replicas` of the product are started, of which more than one elect who is in charge.
    Of so many `alertmanagers` each tells the product; it asks them too where it `reconciles`, every `asks_every`
    seconds, and Prometheus about its rules where it `doubts` the end of an alert.
    """

    seed: int
    hours: float
    policy: Policy
    rules: tuple[Rule, ...]
    workloads: tuple[Workload, ...]
    happenings: tuple[Happening, ...]
    journal: str = "memory"
    interval: float = 15.0
    pace: float = 1.0
    checkpoint: int = 5000
    kept: float | None = None
    reverts_after: float = 20.0
    replicas: int = 1
    alertmanagers: int = 1
    reconciles: bool = False
    asks_every: float = 60.0
    doubts: bool = False
