"""Several incidents at once, as tests of scarce things need them: opened, waiting, in hand, by events alone."""

from __future__ import annotations

from datetime import datetime

from remediator.core.events import Decision, Event, IncidentOpened, Intent, Outcome, RulesChanged, Signal
from remediator.core.fold import apply
from remediator.core.kinds import ref_of
from remediator.core.model import (
    Change,
    Mode,
    OutcomeStatus,
    PatchType,
    Precondition,
    Target,
    Verb,
    Verdict,
    allow,
    hold,
)
from remediator.core.rules import Rule
from remediator.core.state import Incident, State
from tests.unit.builders import START, at, policy


class Crowd:
    """A state with incidents of rules; each is known by its target's name."""

    def __init__(self, *rules: Rule) -> None:
        self.state = State()
        self.see(Event(START, RulesChanged(policy(), rules)))
        self.rules = {rule.name: rule for rule in rules}

    def see(self, event: Event) -> None:
        """Fold one more event."""
        self.state = apply(self.state, event)

    def of(self, name: str) -> Incident:
        """The incident about the target of a name."""
        return self.state.incidents[name]

    def about(self, name: str, data: object, seconds: float, mode: Mode = Mode.ENFORCE) -> None:
        """Something happens to an incident."""
        incident = self.of(name)
        rule = incident.definition.name
        self.see(Event(at(seconds), data, name, rule, incident.target, mode))

    def opens(self, name: str, rule: str, seconds: float = 0, **fields: object) -> Incident:
        """An incident about a target of this name is opened; its id is the name."""
        kind, namespace = str(fields.pop("kind", "Deployment")), str(fields.pop("namespace", "shop"))
        target = Target(kind, namespace, name, f"uid-{name}")
        self.see(Event(at(seconds), IncidentOpened(**fields), name, rule, target, Mode.ENFORCE))
        self.fires(name, seconds)
        return self.of(name)

    def fires(self, name: str, seconds: float) -> None:
        """The incident's one alert is seen firing."""
        self.about(name, Signal("alertmanager", "firing", name, {"alertname": "Stuck"}), seconds)

    def clears(self, name: str, seconds: float) -> None:
        """The incident's one alert is seen resolved."""
        self.about(name, Signal("alertmanager", "resolved", name, {"alertname": "Stuck"}), seconds)

    def held(self, name: str, *guards: str, seconds: float = 1) -> None:
        """It was decided that the incident waits, because of these guards."""
        until: datetime = at(seconds + 60)
        verdicts: tuple[Verdict, ...] = (allow("mode"), *(hold(guard, "not now", until) for guard in guards))
        self.about(name, Decision("hold", verdicts, self.of(name).step, retry_at=until), seconds)

    def acts(self, name: str, seconds: float = 2, mode: Mode = Mode.ENFORCE, action: str = "restart") -> None:
        """An intent is durable."""
        target = self.of(name).target
        change = Change(Verb.PATCH, ref_of(target), {}, Precondition(target.uid, "1"), PatchType.MERGE)
        self.about(name, Intent(f"{name}-1", action, 0, 1, change), seconds, mode)

    def ends(self, name: str, status: OutcomeStatus, seconds: float = 3) -> None:
        """The intent comes to its outcome."""
        self.about(name, Outcome(f"{name}-1", status), seconds)
