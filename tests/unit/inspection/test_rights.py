"""What an API server says of rules: kinds that it does not have, rights that are lacking, what fires now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from remediator.config import Settings
from remediator.config.problems import Problems
from remediator.config.rules import read_files
from remediator.core.kinds import bare
from remediator.core.model import Json, Mode, Resource
from remediator.inspection.finding import Found
from remediator.inspection.rights import inspect
from remediator.ports import ClusterError, NotFound, Unavailable
from remediator.simulation.cluster import SimulatedCluster
from remediator.simulation.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)

RESTART = "when: {alert: 'A{namespace=\"shop\"}'}, target: {kind: Deployment, label: deployment}, do: [restart]"
RENEW = (
    "when: {alert: 'B{namespace=\"shop\"}'}, target: {kind: Policy.v1.example.org, label: policy}, "
    "do: [{patch: {type: merge, patch: {spec: {on: true}}}}]"
)
CORDONED = "when: {object: {kind: Node, where: 'object.spec.unschedulable'}, for: 1h}, do: [none]"
PLURALS = {"Policy": "policiez"}


class Api(SimulatedCluster):
    """The simulated cluster with reviews: all is allowed but what `denied` says."""

    def __init__(self, *denied: tuple[str, str], gone: tuple[str, ...] = (), down: ClusterError | None = None) -> None:
        self.world = World()
        super().__init__(self.world, "admin")
        self.denied, self.gone, self.down, self.asked = denied, gone, down, list[tuple[str, Json]]()

    async def served(self, resource: Resource) -> Resource:
        """Every kind but those that are gone."""
        if self.down:
            raise self.down
        if bare(resource.kind) in self.gone:
            raise NotFound(f"the API server has no {bare(resource.kind)} in {resource.api_version}", status=404)
        return replace(resource, plural=resource.plural or PLURALS[bare(resource.kind)])

    async def review(self, resource: Resource, spec: Json) -> Json:
        """Yes, but for what is denied."""
        wanted: dict[str, Any] = spec["resourceAttributes"]
        self.asked.append((resource.kind, spec))
        return {"allowed": (wanted["verb"], wanted["resource"]) not in self.denied}


async def told(tmp_path: Path, api: Api, *rules: str, user: str = "") -> Found:
    text = "".join(f"\n  - {{name: r{number}, {rule}}}" for number, rule in enumerate(rules))
    (tmp_path / "rules.yaml").write_text(f"groups:\n- name: g\n  rules:{text}\n")
    problems = Problems()
    files = read_files([tmp_path / "rules.yaml"], None, problems)
    assert list(problems) == []
    return await inspect(files, Settings(mode=Mode.ENFORCE), api, "remediator", user, NOW)


async def test_where_all_is_allowed_nothing_is_said(tmp_path):
    found = await told(tmp_path, Api(), RESTART, RENEW, CORDONED)
    assert (found.problems, found.warnings) == ((), ())


async def test_a_right_that_is_lacking_is_told_once_at_the_first_rule_that_needs_it(tmp_path):
    found = await told(tmp_path, Api(("patch", "deployments")), RESTART, RESTART.replace("'A", "'C"))
    (problem,) = found.problems
    assert (problem.line, problem.path) == (4, "groups[0].rules[0].name")
    assert problem.message == (
        "the account that asks may not patch deployments.apps in shop, needed for: action restart (rule r0, r1)"
    )
    assert problem.remedy == "apply what `remediator rbac` prints for these files"


async def test_what_only_tells_people_more_is_a_warning(tmp_path):
    found = await told(tmp_path, Api(("list", "events"), ("create", "events")), RESTART)
    assert found.problems == ()
    assert [each.message.partition(",")[0] for each in found.warnings] == [
        "the account that asks may not create events in shop",
        "the account that asks may not list events in shop",
    ]


async def test_the_plural_of_a_custom_kind_is_the_api_servers(tmp_path):
    found = await told(tmp_path, Api(("patch", "policiez")), RENEW)
    assert found.problems[0].message.startswith("the account that asks may not patch policiez.example.org in shop")


@pytest.mark.parametrize(
    ("kind", "rule", "remedy"),
    [
        ("Policy", RENEW, "install its CustomResourceDefinition first"),
        ("Deployment", RESTART, "this API server is too old or too new for it"),
    ],
)
async def test_a_kind_that_is_not_served_is_a_mistake(tmp_path, kind, rule, remedy):
    found = await told(tmp_path, Api(gone=(kind,)), rule)
    (problem,) = found.problems
    assert problem.message.startswith(f"the API server has no {kind} in ")
    assert problem.remedy == remedy


async def test_another_account_is_asked_about_by_its_name_and_groups(tmp_path):
    api = Api()
    await told(tmp_path, api, RESTART, user="system:serviceaccount:ops:remediator")
    assert {kind for kind, _ in api.asked} == {"SubjectAccessReview"}
    _, spec = api.asked[0]
    assert spec["user"] == "system:serviceaccount:ops:remediator"
    assert "system:serviceaccounts:ops" in spec["groups"]


async def test_rules_on_objects_tell_what_they_have_signals_of_now(tmp_path):
    api = Api()
    assert [each.signals for each in (await told(tmp_path, api, CORDONED)).now] == [0]
    (firing,) = (await told(tmp_path, api, CORDONED.replace("object.spec.unschedulable", 'object.kind == "Node"'))).now
    assert (firing.signals, firing.targets) == (3, ("Node/node-1", "Node/node-2", "Node/node-3"))


@pytest.mark.parametrize(("limit", "told_"), [("2", False), ("3", True), ("9", True), ("60%", False), ("100%", False)])
async def test_more_healthy_siblings_are_asked_for_than_there_are(tmp_path, limit, told_):
    """Of three nodes one is the target: two can be healthy beside it."""
    rule = f"when: {{alert: A}}, target: {{kind: Node}}, do: [cordon], guards: {{min_healthy: {limit}}}"
    found = [each.message for each in (await told(tmp_path, Api(), rule)).warnings]
    never = [f"its min_healthy of {limit} never allows: a Node has at most 2 siblings beside it"]
    assert found == (never if told_ else [])


async def test_where_the_api_server_does_not_answer_that_is_all_that_is_said(tmp_path):
    found = await told(tmp_path, Api(down=Unavailable("get /apis/apps/v1: no connection")), RESTART)
    (problem,) = found.problems
    assert problem.message == "the API server does not tell what was asked: get /apis/apps/v1: no connection"
