"""A canary in pod templates: what is written to the cluster has it, what is written down or told has not, and an undo
gives it back all the same, whoever is in office by then.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from remediator.core.kinds import KINDS
from remediator.core.model import Json, PatchType, Ref
from remediator.core.observations import Reloaded
from remediator.core.rules import Rule, Step, TargetSpec, Until, When
from remediator.simulation import objects
from remediator.simulation.world import World
from tests.unit.builders import ESCALATE, matcher, policy, rule
from tests.unit.controller.house import House
from tests.unit.playing import ACCOUNT

OLD, NEW = "canary-of-old-hunter2", "canary-of-new-hunter3"
WEB = Ref(KINDS["Deployment"], "shop", "web")
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
VAIN = Until(for_=5.0, within=30.0, on_failure="undo")


def template(secret: str, image: str) -> Json:
    env = [{"name": "DB_PASSWORD", "value": secret}, {"name": "LOG_LEVEL", "value": "info"}]
    return {"name": "app", "image": image, "env": env, "args": [f"--token={secret}"]}


def password(live: Json) -> str:
    return live["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]


def on_web(*ladder: Step, **fields: object) -> Rule:
    given = {"when": When((matcher("alertname", "Stuck"),)), "target": TargetSpec("Deployment"), "until": VAIN}
    return rule("change", *ladder, ESCALATE, **(given | fields))


@pytest.fixture
def house() -> Iterator[House]:
    """`shop/web` at its second revision, whose image cannot be pulled; both have a password in their templates."""
    world = World(namespaces=("kube-system", "shop"))
    made = objects.deployment("web", "shop", replicas=2, annotations={APPLIED: f'{{"env":"{OLD}"}}'})
    made["spec"]["template"]["spec"]["containers"] = [template(OLD, "registry.example/app:1")]
    world.create(made)
    world.advance(3600)
    broken = {"spec": {"template": {"spec": {"containers": [template(NEW, "registry.example/broken:2")]}}}}
    world.server.patch(WEB, broken, PatchType.STRATEGIC)
    world.advance(1200)
    built = House(world, policy(), on_web(Step("rollback", {"to_revision": 1})))
    yield built
    assert_nothing_is_told(built)
    built.close()


def assert_nothing_is_told(house: House) -> None:
    """Neither the journal nor a message has a canary, and the state that a start begins from has none."""
    journal = msgspec.json.encode(house.run(house.journal.lines(limit=100_000)))
    told = msgspec.json.encode([each.message for each in house.receiver.taken])
    for where, text in {"journal": journal, "messages": told}.items():
        assert b"canary-of" not in text, (where, text[max(text.find(b"canary-of") - 300, 0) :][:400])


def writes(house: House) -> list[str]:
    """The passwords that the product wrote, in order."""
    found = [each.request.body for each in house.world.audit.writes(ACCOUNT) if "spec" in each.request.body]
    return [password(body) for body in found]


def test_a_roll_back_brings_the_secret_back_and_writes_down_none(house):
    house.start()
    house.alert()
    house.wait(60)
    assert writes(house) == [OLD]
    assert password(house.world.server.get(WEB)) == OLD


@pytest.mark.parametrize("restarted", [False, True])
def test_an_undo_finds_the_template_in_the_clusters_own_history(house, restarted):
    until = Until(ready=False, check="target.replicas > 9", for_=5.0, within=30.0, on_failure="undo")
    house.rules = Reloaded(policy(), (on_web(Step("rollback", {"to_revision": 1}), until=until),))
    process = house.start()
    house.alert()
    house.wait(20)
    if restarted:
        process.kill()
        house.start()
    house.wait(60)
    assert writes(house) == [OLD, NEW]
    assert password(house.world.server.get(WEB)) == NEW


def test_where_the_history_has_it_no_more_a_person_is_told(house):
    until = Until(ready=False, check="target.replicas > 9", for_=5.0, within=30.0, on_failure="undo")
    house.rules = Reloaded(policy(), (on_web(Step("rollback", {"to_revision": 1}), until=until),))
    house.start()
    house.alert()
    house.wait(20)
    for each in list(house.world.store.each("ReplicaSet", "shop")):
        if each["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2":
            house.world.server.delete(Ref(KINDS["ReplicaSet"], "shop", each["metadata"]["name"]))
    house.wait(60)
    assert writes(house) == [OLD]
    failed = [each.detail for each in house.all("verification") if each.result == "failed"]
    assert "the template of revision 2 is not in the history any more" in failed[0]
    assert [each.status for each in house.all("escalated")] == ["requested", "delivered"]


def test_a_patch_over_a_secret_is_done_and_its_undo_is_left_to_a_person(house):
    env = [{"name": "DB_PASSWORD", "value": None, "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}]
    body = {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": env}]}}}}
    until = Until(ready=False, check="target.replicas > 9", for_=5.0, within=30.0, on_failure="undo")
    house.rules = Reloaded(policy(), (on_web(Step("patch", {"patch": body}), until=until),))
    house.start()
    house.alert()
    house.wait(120)
    assert len(house.all("intent")) == 1
    failed = [each.detail for each in house.all("verification") if each.result == "failed"]
    assert "env[DB_PASSWORD].value held what looks like a secret, which the journal does not keep" in failed[0]


def test_a_job_with_a_secret_in_its_manifest_is_not_run_again(house):
    made = objects.job("report", "shop", "registry.example/task:fail", backoffLimit=0)
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "API_TOKEN", "value": OLD}]
    house.world.create(made)
    house.world.advance(600)
    house.rules = Reloaded(policy(), (on_web(Step("rerun_job"), target=TargetSpec("Job")),))
    house.start()
    house.alert(deployment="", job_name="report")
    house.wait(60)
    assert [each.request for each in house.world.audit.writes(ACCOUNT)] == []
    (denied,) = [each for each in house.all("decision") if each.result == "deny"]
    why = next(each.reason for each in denied.verdicts if each.guard == "plan")
    assert "env[API_TOKEN].value looks like a secret" in why
