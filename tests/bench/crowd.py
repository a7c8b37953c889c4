"""Many open incidents, made by the product's own `decide` and `apply` as alerts and looks at a cluster would make them.

A third still waits for its `for`, a third is held by a budget, a third was observed and rests.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from remediator.core.events import Event
from remediator.core.fold import fold
from remediator.core.guarding import Budget, GuardSettings
from remediator.core.model import Json, Mode, Target
from remediator.core.observations import Arrived, Elected, Looked, Observation, Reloaded, Sighting
from remediator.core.rules import Matcher, MatchOp, Policy, Rule, Step, TargetSpec, Until, When
from remediator.core.snapshot import Rehearsal, Snapshot
from remediator.core.state import Incident, State
from remediator.core.surroundings import Namespace, Surroundings
from remediator.core.workload import facts_of
from remediator.decide import decide
from remediator.propose import digest, wanted_change

BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES_OF_A_KIND = 10
NAMESPACES = 50
ALERT = "KubeDeploymentReplicasMismatch"
POLICY = Policy(mode=Mode.ENFORCE, guards=GuardSettings(global_budget=Budget(1000, 60.0)))


def rules() -> tuple[Rule, ...]:
    """Ten rules of each kind."""
    return tuple(_rule(kind, number) for kind in ("waits", "held", "observed") for number in range(RULES_OF_A_KIND))


def _rule(kind: str, number: int) -> Rule:
    return Rule(
        name=f"{kind}-{number}",
        group=kind,
        when=When((Matcher("alertname", MatchOp.EQUAL, ALERT),), for_=86400.0 if kind == "waits" else 0.0),
        target=TargetSpec("Deployment"),
        do=(Step("restart"), Step("escalate", {"receiver": "oncall"})),
        until=Until(for_=60.0, within=600.0),
        guards=GuardSettings(cooldown=0.0, budget=Budget(1, 86400.0)) if kind == "held" else GuardSettings(),
        mode=Mode.OBSERVE if kind == "observed" else None,
    )


class Crowd:
    """The state of a controller, moved on by observations; `now` moves on by a millisecond with each."""

    def __init__(self, state: State | None = None, now: datetime = BEGIN) -> None:
        self.state, self.now = state or State(), now

    def begin(self) -> tuple[Event, ...]:
        """Take office with the rules."""
        return (*self.see(Elected("bench")), *self.see(Reloaded(POLICY, rules())))

    def see(self, observation: Observation) -> tuple[Event, ...]:
        """Decide on an observation and fold what follows."""
        self.now += timedelta(milliseconds=1)
        events = decide(self.state, observation, self.now).events
        self.state = fold(events, self.state)
        return events

    def grow(self, count: int) -> Iterator[tuple[Event, ...]]:
        """Open so many incidents, each about another Deployment: their events, in the order of their journal."""
        names = [rule.name for rule in rules()]
        for number in range(count):
            events = self.see(Arrived((sighting(names[number % len(names)], number, self.now),)))
            incident = self.state.incidents[events[0].incident]
            if incident.definition.when.for_ == 0:
                events += self.see(self.look(incident))
            yield events

    def look(self, incident: Incident) -> Looked:
        """The target read, and what would be done about it accepted by the API server."""
        live = deployment(incident.target)
        around = Surroundings(namespace=Namespace(), owners=())
        snapshot = Snapshot(replace(facts_of(live, self.now), around=around), live)
        change = wanted_change(self.state, incident, snapshot, self.now)
        accepted = Rehearsal(digest(change), "accepted", "+ kubectl.kubernetes.io/restartedAt") if change else None
        return Looked(incident.id, snapshot, accepted)


def target(number: int) -> Target:
    """One of as many Deployments as are asked for."""
    return Target("Deployment", f"team-{number % NAMESPACES:02}", f"web-{number:06}", f"uid-{number:06}")


def sighting(rule: str, number: int, at: datetime) -> Sighting:
    """A firing alert with the labels and annotations of kubernetes-mixin."""
    about = target(number)
    labels = {
        "alertname": ALERT,
        "cluster": "prod-1",
        "container": "kube-state-metrics",
        "deployment": about.name,
        "job": "kube-state-metrics",
        "namespace": about.namespace,
        "prometheus": "monitoring/k8s",
        "severity": "warning",
    }
    said = f"Deployment {about.namespace}/{about.name} has not matched the expected number of replicas for 15 minutes."
    annotations = {
        "description": said,
        "runbook_url": f"https://runbooks.example/kubernetes/{ALERT.lower()}",
        "summary": "Deployment has not matched the expected number of replicas.",
    }
    return Sighting("alertmanager", "firing", rule, f"{number:016x}", labels, annotations, at, about, "", at)


def deployment(about: Target) -> Json:
    """A Deployment of three replicas, one of which is not ready."""
    meta = {
        "name": about.name,
        "namespace": about.namespace,
        "uid": about.uid,
        "resourceVersion": "100",
        "generation": 3,
        "annotations": {"deployment.kubernetes.io/revision": "3"},
        "creationTimestamp": "2025-12-01T00:00:00Z",
        "labels": {"app": about.name, "team": about.namespace},
    }
    template = {
        "metadata": {"labels": {"app": about.name}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:3"}]},
    }
    status = {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 2}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": about.name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec, "status": status}
