"""`cordon`, `uncordon`, `taint` and `untaint` on a real control plane: done, refused, undone, given way to a person.

One service, a node for each case; judged by the audit log. What a person did stays theirs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from remediator.core.cordoning import CORDONED
from tests.lab import faults
from tests.lab.accounts import Account
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for
from tests.real.conftest import Install
from tests.real.service import Line, Service, alert
from tests.real.site import Site

pytestmark = pytest.mark.lab

KEY = "example.org/broken"
NEVER = "size(target.taints) > 90"
RULES = "groups:\n  - name: nodes\n" + (
    "    guards: {startup_grace: 0s, cooldown: 0s, budget: {max: 100, per: 1h}, max_in_flight: 40, "
    "global_max_in_flight: 40, storm: {share: 100%, at_least: 100}}\n    rules:\n"
)
ACTIONS = {
    "cordon": "cordon",
    "uncordon": "uncordon",
    "taint": f"taint: {{key: {KEY}, value: disk, effect: NoSchedule}}",
    "untaint": f"untaint: {{key: {KEY}}}",
}
UNTIL = {
    "": "{for: 1s, within: 20m}",
    "-in-vain": f"{{check: '{NEVER}', for: 1s, within: 3s, on_failure: undo}}",
    "-for-long": f"{{check: '{NEVER}', for: 1s, within: 20m, on_failure: undo}}",
}
"""What proves a step: readiness; or what never holds, with and without time for a person to step in."""


def rules() -> str:
    rule = "      - {{name: {name}, when: {{alert: '{name}'}}, target: {{kind: Node}}, do: [{do}], until: {until}}}\n"
    made = (
        rule.format(name=f"{name}{kind}", do=f"{{{do}}}" if ":" in do else do, until=until)
        for name, do in ACTIONS.items()
        for kind, until in UNTIL.items()
    )
    return RULES + "".join(made)


CASES = tuple(f"{action}-{case}" for action in ACTIONS for case in ("done", "theirs", "undone", "yielded"))


@pytest.fixture
def nodes(lab: Lab) -> Iterator[dict[str, str]]:
    """A node for each case, and one of a control plane, by what they are for."""
    mark = secrets.token_hex(2)
    named = {case: f"{case}-{mark}" for case in (*CASES, "control-plane")}
    with ThreadPoolExecutor(8) as builders:
        role = {"node-role.kubernetes.io/control-plane": ""}
        list(
            builders.map(lambda case: lab.nodes.add(named[case], labels=role if case == "control-plane" else {}), named)
        )
        yield named
        list(builders.map(lambda name: lab.admin.delete("nodes", name), named.values()))


@pytest.fixture
def remediator(site: Site) -> Account:
    """The service account that the product acts under, with the rights that are printed for these rules."""
    return site.grant(site.printed(rules()))


def test_nodes_are_closed_and_opened_but_for_what_a_person_did(
    lab: Lab, nodes: dict[str, str], remediator: Account, install: Install
) -> None:
    watch = Watch(lab, remediator, nodes)
    for case in ("cordon-theirs", "uncordon-theirs"):
        faults.cordoned_by_somebody(lab.admin, nodes[case])
    for case in ("taint-theirs", "untaint-theirs"):
        taint_by_hand(lab, nodes[case])
    allowed = {"allow": [f"Node/{nodes['control-plane']}"]}
    service = watch.service = install(rules(), protected=allowed).start(NODE_NAME="elsewhere")

    # done: ours, and marked as ours; what is to be opened later is closed by us first
    closing = ("done", "undone", "yielded")
    service.post(
        *(watch.alert("cordon", case) for case in ("cordon-done", *(f"uncordon-{each}" for each in closing))),
        *(watch.alert("taint", case) for case in ("taint-done", *(f"untaint-{each}" for each in closing))),
        watch.alert("cordon", "cordon-theirs"),
        watch.alert("taint", "taint-theirs"),
        watch.alert("cordon", "control-plane"),
        *(watch.alert(f"{action}-in-vain", f"{action}-undone") for action in ("cordon", "taint")),
        *(watch.alert(f"{action}-for-long", f"{action}-yielded") for action in ("cordon", "taint")),
    )
    for case in ("cordon-done", *(f"uncordon-{each}" for each in closing)):
        watch.closed("cordon", case, "recovered")
        assert (watch.is_cordoned(case), CORDONED in watch.annotations(case), watch.wrote(case)) == (True, True, 1)
    for case in ("taint-done", *(f"untaint-{each}" for each in closing)):
        watch.closed("taint", case, "recovered")
        assert (watch.taints(case), watch.wrote(case)) == ([("disk", "NoSchedule")], 1)

    # refused: a person's cordon and taint stay theirs, and so does the only node of a control plane
    assert watch.denied("cordon", "cordon-theirs", "plan") == "the node is cordoned already, by somebody else"
    assert f"a taint {KEY}:NoSchedule already" in watch.denied("taint", "taint-theirs", "plan")
    assert "of 1 members none can be missed" in watch.denied("cordon", "control-plane", "quorum")
    service.post(watch.alert("uncordon", "uncordon-theirs"), watch.alert("untaint", "untaint-theirs"))
    assert watch.denied("uncordon", "uncordon-theirs", "plan") == "the cordon is somebody else's"
    assert "somebody else's" in watch.denied("untaint", "untaint-theirs", "plan")
    for case in ("cordon-theirs", "taint-theirs", "uncordon-theirs", "untaint-theirs", "control-plane"):
        assert watch.wrote(case) == 0, case

    # what we closed is opened again; what did not help is taken back
    service.post(
        watch.alert("uncordon", "uncordon-done"),
        watch.alert("untaint", "untaint-done"),
        *(watch.alert(f"{action}-in-vain", f"{action}-undone") for action in ("uncordon", "untaint")),
        *(watch.alert(f"{action}-for-long", f"{action}-yielded") for action in ("uncordon", "untaint")),
    )
    watch.closed("uncordon", "uncordon-done", "recovered")
    watch.closed("untaint", "untaint-done", "recovered")
    assert (watch.is_cordoned("uncordon-done"), watch.taints("untaint-done")) == (False, [])
    for action, case in (("cordon", "cordon-undone"), ("taint", "taint-undone")):
        watch.undone(f"{action}-in-vain", case)
        assert (watch.is_cordoned(case), watch.taints(case), watch.wrote(case)) == (False, [], 2)
    for action, case in (("uncordon", "uncordon-undone"), ("untaint", "untaint-undone")):
        watch.undone(f"{action}-in-vain", case)
        assert watch.wrote(case) == 3, "closed, opened, closed again"
    assert (watch.is_cordoned("uncordon-undone"), CORDONED in watch.annotations("uncordon-undone")) == (True, True)
    assert watch.taints("untaint-undone") == [("disk", "NoSchedule")]

    # whoever takes it back by hand means it: the node is left alone
    by_hand: dict[str, Callable[[str], object]] = {
        "cordon": lambda name: lab.admin.patch("nodes", name, {"spec": {"unschedulable": None}}),
        "uncordon": lambda name: faults.cordoned_by_somebody(lab.admin, name),
        "taint": lambda name: lab.admin.patch("nodes", name, {"spec": {"taints": None}}),
        "untaint": lambda name: taint_by_hand(lab, name),
    }
    for action, take_back in by_hand.items():
        case = f"{action}-yielded"
        watch.seen("outcome", case, f"{action}-for-long", status="applied")
        before = watch.wrote(case)
        take_back(nodes[case])
        failed = watch.seen("verification", case, f"{action}-for-long", result="failed")
        assert failed["data"]["then"] == "rest", failed
        assert watch.wrote(case) == before
    paused = {line["data"]["target"] for line in service.lines("pause")}
    assert paused == {f"Node//{nodes[f'{action}-yielded']}" for action in by_hand}
    assert {one.code for one in lab.refused(remediator)} <= {409}, "but for what a controller wrote at the same moment"
    service.verify()


class Watch:
    """What tests ask about the nodes, the journal and the audit log."""

    def __init__(self, lab: Lab, product: Account, nodes: dict[str, str]) -> None:
        self.lab, self.product, self.nodes = lab, product, nodes
        self.service: Service | None = None

    def alert(self, rule: str, case: str) -> dict[str, Any]:
        return alert(rule, "", node=self.nodes[case])

    def lines(self, kind: str, case: str, rule: str) -> list[Line]:
        assert self.service is not None
        found = self.service.lines(kind)
        return [line for line in found if line["rule"] == rule and line["target"]["name"] == self.nodes[case]]

    def seen(self, kind: str, case: str, rule: str, **data: Any) -> Line:
        """The first such line whose data holds these values; waits for it."""

        def found() -> list[Line]:
            return [line for line in self.lines(kind, case, rule) if data.items() <= line["data"].items()]

        return wait_for(found, bool, f"{kind} {data} of {rule} about {case}")[0]

    def closed(self, rule: str, case: str, reason: str) -> None:
        assert self.seen("incident_closed", case, rule)["data"]["reason"] == reason

    def undone(self, rule: str, case: str) -> None:
        undo = self.seen("undo", case, rule)["data"]["id"]
        assert self.seen("outcome", case, rule, intent=undo)["data"]["status"] == "applied"

    def denied(self, rule: str, case: str, guard: str) -> str:
        """Why a guard denied it."""
        verdicts = self.seen("decision", case, rule, result="deny")["data"]["verdicts"]
        return next(each["reason"] for each in verdicts if (each["guard"], each["verdict"]) == (guard, "deny"))

    def wrote(self, case: str) -> int:
        """Writes of the product to a node, as the audit log has them."""
        return len([one for one in self.lab.writes(self.product) if one.name == self.nodes[case]])

    def is_cordoned(self, case: str) -> bool:
        return bool(self.lab.admin.get("nodes", self.nodes[case])["spec"].get("unschedulable"))

    def annotations(self, case: str) -> dict[str, str]:
        return self.lab.admin.get("nodes", self.nodes[case])["metadata"]["annotations"]

    def taints(self, case: str) -> list[tuple[str, str]]:
        """Value and effect of our taint, where it is there."""
        taints = self.lab.admin.get("nodes", self.nodes[case])["spec"].get("taints") or []
        return [(each.get("value", ""), each["effect"]) for each in taints if each["key"] == KEY]


def taint_by_hand(lab: Lab, node: str) -> None:
    """Taint a node as a person does."""
    taint = {"key": KEY, "value": "theirs", "effect": "NoSchedule"}
    lab.admin.patch("nodes", node, {"spec": {"taints": [taint]}}, how="strategic")
