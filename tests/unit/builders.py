"""Values for tests of the pure core: one named function for each, with what a test does not speak of filled in.

The Deployment `shop/web` is at revision 3 with a broken image; revision 2 still serves. `Story` plays the shell: it
hands observations to `decide` and folds what comes of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from remediator.actions import ACTIONS
from remediator.core.events import Event
from remediator.core.fold import apply, fold
from remediator.core.histories import history
from remediator.core.model import Change, Json, Mode, OutcomeStatus, Refusal, Target
from remediator.core.observations import Arrived, Carried, Elected, Looked, Observation, Reloaded, Sighting, Told
from remediator.core.rules import GuardSettings, Matcher, MatchOp, Policy, Rule, Step, TargetSpec, Until, When
from remediator.core.snapshot import Facts, Rehearsal, Snapshot
from remediator.core.state import Incident, State
from remediator.core.surroundings import Namespace, Surroundings
from remediator.core.workload import facts_of
from remediator.decide import Ruling, decide
from remediator.guards.guard import Limits, Request
from remediator.propose import digest, wanted_change

START = datetime(2026, 1, 1, 12, tzinfo=UTC)

WEB = Target("Deployment", "shop", "web", "uid-web")

ESCALATE = Step("escalate", {"receiver": "oncall"})


def at(seconds: float) -> datetime:
    """So many seconds into the story."""
    return START + timedelta(seconds=seconds)


def matcher(name: str, value: str) -> Matcher:
    """A matcher for equality."""
    return Matcher(name, MatchOp.EQUAL, value)


def rule(name: str = "undo-bad-rollout", *do: str | Step, **fields: Any) -> Rule:
    """A rule on the alert `Stuck`, enforced; its ladder is `restart` unless steps are named."""
    ladder = tuple(step if isinstance(step, Step) else Step(step) for step in do) or (Step("restart"),)
    given = {
        "group": "workloads",
        "when": When((matcher("alertname", "Stuck"),)),
        "target": TargetSpec("Deployment"),
        "mode": Mode.ENFORCE,
        "until": Until(for_=60.0, within=600.0),
    } | fields
    return Rule(name=name, do=ladder, **given)


def policy(**fields: Any) -> Policy:
    """Settings that let rules act: mode enforce, no cooldown, and otherwise as installed."""
    return Policy(**({"mode": Mode.ENFORCE, "guards": GuardSettings(cooldown=0.0)} | fields))


def deployment(image: str = "app:3", *, ready: int = 3, **fields: Any) -> Json:
    """`shop/web` as the API server tells it: three replicas wanted, all updated, `ready` of them ready."""
    meta = {
        "name": "web",
        "namespace": "shop",
        "uid": WEB.uid,
        "resourceVersion": "100",
        "generation": 3,
        "annotations": {"deployment.kubernetes.io/revision": "3"},
        "creationTimestamp": "2025-12-01T00:00:00Z",
        "labels": {"app": "web"},
    } | fields.pop("metadata", {})
    status = {"observedGeneration": meta["generation"], "replicas": 3, "updatedReplicas": 3}
    status |= {"readyReplicas": ready, "availableReplicas": ready}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)}
    return {"kind": "Deployment", "metadata": meta, "spec": spec | fields, "status": status}


def template(image: str, **labels: str) -> Json:
    """A pod template with one container."""
    meta = {"labels": {"app": "web", **labels}, "creationTimestamp": None}
    return {"metadata": meta, "spec": {"containers": [{"name": "app", "image": image}]}}


def replica_set(revision: int, image: str = "", *, available: int = 0, **annotations: str) -> Json:
    """A ReplicaSet of `shop/web` for one revision, as its controller leaves it."""
    image = image or f"app:{revision}"
    notes = {"deployment.kubernetes.io/revision": str(revision), **annotations}
    owner = {"kind": "Deployment", "name": "web", "uid": WEB.uid, "controller": True}
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-{revision}",
            "namespace": "shop",
            "annotations": notes,
            "ownerReferences": [owner],
        },
        "spec": {"template": template(image, **{"pod-template-hash": f"hash{revision}"})},
        "status": {"replicas": available, "availableReplicas": available} if available else {"replicas": 0},
    }


def snapshot(live: Json | None = None, taken_at: datetime = START, **facts: Any) -> Snapshot:
    """What a look brings back: `shop/web` with three revisions, its facts with single ones overridden."""
    live = deployment(ready=0) if live is None else live
    sets = (replica_set(1), replica_set(2, available=2), replica_set(3))
    revisions = history(live, sets) if live.get("kind") == "Deployment" else ()
    seen = {"around": Surroundings(namespace=Namespace(), owners=(), silences=())} | facts
    return Snapshot(replace(facts_of(live, taken_at), **seen), live, revisions)


def healthy(taken_at: datetime = START) -> Snapshot:
    """All three replicas ready."""
    return snapshot(deployment(), taken_at)


def unknown(taken_at: datetime = START) -> Snapshot:
    """The API server could not be asked."""
    return Snapshot(Facts(taken_at, unknown="Unavailable: connection refused"))


def gone(taken_at: datetime = START) -> Snapshot:
    """There is no such object."""
    return Snapshot(Facts(taken_at, exists=False))


def incident(of: Rule | None = None, target: Target = WEB, **fields: Any) -> Incident:
    """An open incident, firing since the story's start."""
    given = {"id": "incident-1", "opened_at": START, "since": START} | fields
    return Incident(definition=of or rule(), target=target, **given)


def request(about: Incident | None = None, mode: Mode = Mode.ENFORCE, **limits: Any) -> Request:
    """The proposal of an incident's present step as guards are asked about it."""
    about = about or incident()
    step = about.definition.do[about.step]
    return Request(about, about.definition, step, ACTIONS[step.action], mode, Limits(**limits), Refusal("not planned"))


def state(*open_incidents: Incident, **fields: Any) -> State:
    """A state that holds these incidents."""
    empty = State(**fields)
    return replace(empty, incidents=empty.incidents.update({each.id: each for each in open_incidents}))


def sighting(status: str = "firing", fingerprint: str = "a1", **fields: Any) -> Sighting:
    """The alert `Stuck` about `shop/web`, for the usual rule."""
    labels = {"alertname": "Stuck", "namespace": "shop", "deployment": "web", "pod": fingerprint}
    given = {"rule": "undo-bad-rollout", "labels": labels, "starts_at": START, "target": WEB} | fields
    return Sighting("alertmanager", status, fingerprint=fingerprint, **given)


def accepted(change: Change | None, status: str = "accepted") -> Rehearsal | None:
    """The API server's answer to a dry run of this very change."""
    return Rehearsal(digest(change), status, diff="- image\n+ image", detail=status) if change else None


class Story:
    """One journal and its state, moved on by observations at given seconds. `events` are those of the last one."""

    def __init__(self, *rules: Rule, policy: Policy | None = None) -> None:
        self.state, self.journal, self.events = State(), [], ()
        self.now, self.again_at = START, None
        self.see(Elected("one"), 0)
        self.reload(*(rules or (rule(),)), policy=policy)

    journal: list[Event]
    events: tuple[Event, ...]
    again_at: datetime | None

    def see(self, observation: Observation, seconds: float | None = None) -> tuple[Event, ...]:
        """Decide on an observation and fold the events, which are also answered."""
        self.now = self.now if seconds is None else at(seconds)
        ruling: Ruling = decide(self.state, observation, self.now)
        for event in ruling.events:
            self.state = apply(self.state, event)
        self.journal += ruling.events
        self.events, self.again_at = ruling.events, ruling.again_at
        assert fold(self.journal) == self.state, "the state is the fold of the journal"
        return ruling.events

    def see_event(self, event: Event) -> None:
        """Something is in the journal that `decide` does not write: an operator's word."""
        self.state = apply(self.state, event)
        self.journal.append(event)

    def reload(self, *rules: Rule, policy: Policy | None = None, seconds: float | None = None) -> tuple[Event, ...]:
        """The rule files as they are now; the policy of the story's start unless another is given."""
        self.policy = policy or getattr(self, "policy", None) or _enforcing()
        return self.see(Reloaded(self.policy, rules), seconds)

    def fires(self, seconds: float | None = None, fingerprint: str = "a1", **fields: Any) -> tuple[Event, ...]:
        """The alert is seen firing."""
        return self.see(Arrived((sighting(fingerprint=fingerprint, **fields),)), seconds)

    def resolves(self, seconds: float | None = None, fingerprint: str = "a1", **fields: Any) -> tuple[Event, ...]:
        """The alert is seen resolved."""
        return self.see(Arrived((sighting("resolved", fingerprint, **fields),)), seconds)

    def looks(
        self, seconds: float | None = None, seen: Snapshot | None = None, api: str = "accepted", of: str = ""
    ) -> tuple[Event, ...]:
        """The target is read, broken unless told otherwise, and the change it suggests is rehearsed."""
        self.now = self.now if seconds is None else at(seconds)
        about = self.incident if not of else self.state.incidents[of]
        seen = seen or snapshot()
        seen = replace(seen, facts=replace(seen.facts, taken_at=self.now))
        change = wanted_change(self.state, about, seen, self.now)
        return self.see(Looked(about.id, seen, accepted(change, api)))

    def carries(
        self, status: OutcomeStatus = OutcomeStatus.APPLIED, seconds: float | None = None, intent: str = ""
    ) -> tuple[Event, ...]:
        """The intent or undo in flight comes to its end."""
        about = self.incident
        in_flight = about.undo or about.intent
        return self.see(Carried(about.id, intent or (in_flight.id if in_flight else ""), status, "as told"), seconds)

    def tells(self, problem: str = "", seconds: float | None = None, endpoint: str = "") -> tuple[Event, ...]:
        """An endpoint takes the first message that waits for it, or the last one again; or it does not."""
        ((incident, held),) = self.state.post.items()
        (thread,) = [each for each in held.threads if each.endpoint == endpoint]
        key = thread.waiting[0].key if thread.waiting else "taken-already"
        return self.see(Told(incident, key, thread.receiver, endpoint, problem), seconds)

    @property
    def incident(self) -> Incident:
        """The only open incident."""
        (only,) = self.state.incidents.values()
        return only

    def all(self, kind: str) -> list[Any]:
        """The data of all events of a kind, in order."""
        return [event.data for event in self.journal if event.kind == kind]

    @property
    def closed(self) -> list[str]:
        """The reasons for which incidents were closed."""
        return [str(data.reason) for data in self.all("incident_closed")]


def kinds(events: tuple[Event, ...]) -> list[str]:
    """What sort of events these are, but for what people are told of them, which is `test_announce`'s subject."""
    return [event.kind for event in events if event.kind != "notice"]


def _enforcing() -> Policy:
    return policy()
