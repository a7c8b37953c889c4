"""Evictions against PodDisruptionBudgets."""

from __future__ import annotations

from remediator.core.model import Precondition
from remediator.simulation import objects
from tests.fidelity.play import Play
from tests.fidelity.sequences.sequence import sequence

OTHER_UID = "00000000-0000-4000-8000-000000000000"


async def guarded(play: Play, *, replicas: int = 2, image: str = "registry.example/app:1", **budget: object) -> None:
    """A Deployment that has come as far as its image lets it, and a budget over it."""
    await play.create(objects.deployment("web", play.namespace, image, replicas))
    await play.create(objects.disruption_budget("budget", play.namespace, "web", **budget))
    await play.rest("counted")


@sequence("Deployment", "PodDisruptionBudget", "Pod")
async def evict_without_a_budget(play: Play) -> None:
    await play.create(objects.deployment("web", play.namespace, replicas=1))
    await play.rest("available")
    await play.evict((await play.pods("web"))[0]["metadata"]["name"])
    await play.rest("replaced")


@sequence("Deployment", "PodDisruptionBudget", "Pod")
async def evict_at_the_limit_of_a_budget(play: Play) -> None:
    await guarded(play, min_available=2)
    for pod in await play.pods("web"):
        await play.evict(pod["metadata"]["name"])
    await play.rest("nothing happened")


@sequence("Deployment", "PodDisruptionBudget", "Pod")
async def evict_as_many_as_a_budget_allows(play: Play) -> None:
    await guarded(play, replicas=4, max_unavailable="25%")
    await play.evict((await play.pods("web"))[0]["metadata"]["name"])
    await play.rest("replaced and counted again")
    await play.evict((await play.pods("web"))[0]["metadata"]["name"])
    await play.rest("replaced once more")


@sequence("Deployment", "PodDisruptionBudget", "Pod")
async def evict_under_two_budgets(play: Play) -> None:
    await guarded(play, min_available=1)
    await play.create(objects.disruption_budget("second", play.namespace, "web", min_available=0))
    await play.rest("both counted")
    await play.evict((await play.pods("web"))[0]["metadata"]["name"])
    await play.rest("nothing happened")


@sequence("Deployment", "PodDisruptionBudget", "Pod")
async def evict_with_preconditions(play: Play) -> None:
    await guarded(play, min_available=1)
    pod = (await play.pods("web"))[0]["metadata"]
    for given in (Precondition(OTHER_UID, ""), Precondition("", "1"), Precondition(pod["uid"], "")):
        await play.evict(pod["name"], given=given)
    await play.rest("one was replaced")


@sequence("Deployment", "PodDisruptionBudget", "Pod")
async def evict_pods_that_are_not_ready(play: Play) -> None:
    await guarded(play, image="registry.example/notready:1", min_available=1)
    await play.evict((await play.pods("web"))[0]["metadata"]["name"])
    await play.patch("PodDisruptionBudget", "budget", {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}})
    await play.rest("its policy is seen")
    await play.evict((await play.pods("web"))[0]["metadata"]["name"])
    await play.rest("replaced")


@sequence("Pod", "PodDisruptionBudget")
async def evict_pods_that_do_not_count(play: Play) -> None:
    await play.create(objects.disruption_budget("budget", play.namespace, "pending", min_available=1))
    await play.create(objects.pod("pending", play.namespace, nodeSelector={"no": "where"}))
    job = objects.job("done", play.namespace)
    job["spec"]["template"]["metadata"]["labels"]["app"] = "done"
    await play.create(job)
    await play.create(objects.disruption_budget("other", play.namespace, "done", min_available=1))
    await play.rest("one pending, one over")
    await play.evict("pending")
    await play.evict(await play.name_of("Pod", "app=done"))
    await play.rest("gone")


@sequence("PodDisruptionBudget", "Pod")
async def evict_single_pods_one_by_one(play: Play) -> None:
    for number in range(3):
        pod = objects.pod(f"single-{number}", play.namespace)
        await play.create(pod | {"metadata": pod["metadata"] | {"labels": {"app": "single"}}})
    await play.create(objects.disruption_budget("budget", play.namespace, "single", min_available=2))
    await play.rest("counted")
    await play.evict("single-0")
    await play.rest("one less")
    await play.evict("single-1")
    await play.rest("the others stay")


@sequence("PodDisruptionBudget")
async def budgets_by_what_they_say(play: Play) -> None:
    for name, replicas, spec in (
        ("half", 3, {"min_available": "50%"}),
        ("none", 2, {"max_unavailable": 0}),
        ("third", 4, {"max_unavailable": "30%"}),
        ("too-many", 1, {"min_available": 9}),
        ("silent", 1, {}),
    ):
        await play.create(objects.stateful_set(name, play.namespace, replicas=replicas, podManagementPolicy="Parallel"))
        await play.create(objects.disruption_budget(name, play.namespace, name, **spec))
    await play.create(objects.disruption_budget("nobody", play.namespace, "nobody", min_available=1))
    await play.rest("counted")
    await play.patch("StatefulSet", "half", {"spec": {"replicas": 5}})
    await play.rest("counted again")


@sequence("PodDisruptionBudget")
async def budgets_over_what_they_cannot_count(play: Play) -> None:
    await play.create(objects.pod("single", play.namespace))
    await play.create(objects.daemon_set("agent", play.namespace))
    for name in ("single", "agent"):
        await play.create(objects.disruption_budget(name, play.namespace, name, max_unavailable=1))
    await play.create(objects.disruption_budget("agent-count", play.namespace, "agent", min_available=1))
    await play.rest("counted, or said that they cannot")
