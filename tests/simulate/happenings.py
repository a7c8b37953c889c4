"""What may happen to a run, by name: to the cluster, to processes, to the disk, the network and the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from remediator.core.events import Pause
from remediator.core.kinds import KINDS
from remediator.core.model import Json, Mode, PatchType, Ref
from remediator.core.observations import Answered, Paused, Reloaded
from remediator.ports import ClusterError
from remediator.simulation import objects
from remediator.simulation.faults import Fault, FaultKind
from tests.simulate.outposts import ACCOUNT
from tests.simulate.scenario import Happening, Workload

if TYPE_CHECKING:
    from tests.simulate.run import Run


def roll(run: Run, it: Happening) -> None:
    """Somebody rolls out an image: `image`."""
    body = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": it.args["image"]}]}}}}
    _patch(run, it.where, body, PatchType.STRATEGIC)


def sicken(run: Run, it: Happening) -> None:
    """The pods of a workload go wrong as they are, until they are replaced: `fate` is a word that images have, too."""
    _, namespace, name = it.where.split("/")
    for pod in list(run.world.store.each("Pod", namespace)):
        if (pod["metadata"].get("labels") or {}).get("app") == name:
            body = {"metadata": {"annotations": {"simulation.remediator.io/fate": it.args["fate"]}}}
            _patch(run, f"Pod/{namespace}/{pod['metadata']['name']}", body)


def scale(run: Run, it: Happening) -> None:
    """Somebody scales: `replicas`."""
    _patch(run, it.where, {"spec": {"replicas": it.args["replicas"]}})


def note(run: Run, it: Happening) -> None:
    """Somebody writes an annotation, which moves the object's version."""
    _patch(run, it.where, {"metadata": {"annotations": {"team.example/note": f"{it.at:g}"}}})


def pause(run: Run, it: Happening) -> None:
    """Somebody pauses a roll-out, or resumes it: `paused`."""
    if it.where.startswith("Deployment/"):
        _patch(run, it.where, {"spec": {"paused": it.args["paused"]}})


def recreate(run: Run, it: Happening) -> None:
    """A workload is deleted and made again under its name, `after` so many seconds, with `image`."""
    workload = run.workloads[it.where]
    try:
        run.world.server.delete(ref(it.where))
    except ClusterError:
        return

    def again() -> None:
        try:
            run.world.create(made(replace(workload, image=it.args["image"])))
        except ClusterError:
            run.world.after(30, again)

    run.world.after(it.args["after"], again)


def node(run: Run, it: Happening) -> None:
    """A node's kubelet falls silent, for `seconds`."""
    down = {"metadata": {"annotations": {"simulation.remediator.io/kubelet": "down"}}}
    up = {"metadata": {"annotations": {"simulation.remediator.io/kubelet": None}}}
    _patch(run, it.where, down)
    run.world.after(it.args["seconds"], lambda: _patch(run, it.where, up))


def cordon(run: Run, it: Happening) -> None:
    """Somebody cordons a node, or lifts what cordon there is: `cordoned`."""
    _patch(run, it.where, {"spec": {"unschedulable": it.args["cordoned"] or None}})


def fault(run: Run, it: Happening) -> None:
    """Requests to the API server fail: `kind`, and whatever else a `Fault` has; until lifted where `lasts` is said."""
    args = {name: value for name, value in it.args.items() if name not in ("kind", "lasts")}
    for name in ("verbs", "kinds"):
        if name in args:
            args[name] = tuple(args[name])
    lasts = it.args.get("lasts")
    made = Fault(FaultKind(it.args["kind"]), account=ACCOUNT, count=0 if lasts else 1, **args)
    run.world.faults.add(made)
    if lasts:
        run.world.after(lasts, lambda: made in run.world.faults.pending and run.world.faults.pending.remove(made))


def meddle(run: Run, it: Happening) -> None:
    """Somebody waits for our next `intent` or `effect` (`on`) and does `what` to its target, `after` some seconds."""
    run.meddlers.append(it)


def answer(run: Run, it: Happening) -> None:
    """People answer every plan that waits: `words` are said at once, each `approve` or `deny` by one of them."""
    process = run.supervisor.active
    if process is None or not process.leads:
        return
    for _, incident in sorted(process.controller.state.incidents.items()):
        if incident.plan:
            for number, word in enumerate(it.args["words"]):
                said = Answered(incident.id, incident.plan, word == "approve", f"person-{number}")
                run.loop.start(process.installation.answer(said), process.life.group)


def exclude(run: Run, it: Happening) -> None:
    """A workload opts out of remediation, or in again: the annotation gets the `value`."""
    _patch(run, it.where, {"metadata": {"annotations": {"remediator.io/exclude": it.args["value"]}}})


def crash(run: Run, it: Happening) -> None:
    """The process is gone: now, after `steps` of its own, or at a `message` on its way; down for `down` seconds."""
    _then(run, it, lambda: run.supervisor.crash(it.args.get("down", 5.0)))


def stop(run: Run, it: Happening) -> None:
    """The process is asked to end, as with every new version of it."""
    _then(run, it, run.supervisor.stop)


def double(run: Run, it: Happening) -> None:
    """A second process is started beside the first."""
    _then(run, it, run.supervisor.double)


def halt(run: Run, it: Happening) -> None:
    """Somebody pauses everything, or as much as `scope` names, for `seconds` or until they lift it after that time."""
    scope = dict(it.args["scope"])
    end = run.oracle.now() + timedelta(seconds=it.args["seconds"])
    said = Pause("", reason="simulated", until=None if it.args["lifts"] else end, **scope)
    _say(run, Paused(said, "person-0"))
    if it.args["lifts"]:
        lift = Paused(Pause("", lifted=True, **scope), "person-1")
        run.loop.call_later(it.args["seconds"], _say, run, lift)


def freeze(run: Run, it: Happening) -> None:
    """The process stands still for `seconds` while another takes over."""

    def stand_still() -> None:
        process = run.supervisor.freeze()
        if process is not None:
            run.loop.call_later(it.args["seconds"], run.supervisor.thaw, process)

    _then(run, it, stand_still)


def sever(run: Run, it: Happening) -> None:
    """The process in charge does not get through to the journal for `seconds`; the others do."""
    process = run.supervisor.active
    if process is None or not run.supervisor.elects:
        return
    process.life.is_severed = True

    def while_in_charge() -> None:
        if process.life.is_severed and process.leads:
            run.oracle.journal_fails()
            run.world.after(1.0, while_in_charge)

    while_in_charge()
    run.world.after(it.args["seconds"], lambda: setattr(process.life, "is_severed", False))


def jump(run: Run, it: Happening) -> None:
    """The machines' clock jumps by `seconds`."""
    run.weather.offset += timedelta(seconds=it.args["seconds"])
    run.weather.meet("clock jumps")
    run.oracle.jump(it.args["seconds"])


def weather(run: Run, it: Happening) -> None:
    """A part of the weather is bad for `seconds`: `part`, as `Weather` names them, gets the trouble `is`."""
    part, trouble = it.args["part"], it.args["is"]
    setattr(run.weather, part, trouble)

    def over() -> None:
        if getattr(run.weather, part) == trouble:
            setattr(run.weather, part, type(trouble)())

    run.world.after(it.args["seconds"], over)


def gap(run: Run, it: Happening) -> None:
    """No data: alerts about a workload are neither fired nor resolved for `seconds`."""
    run.gaps.add(it.where)
    run.weather.meet("data gaps")
    run.alerts.look_again()

    def over() -> None:
        run.gaps.discard(it.where)
        run.alerts.look_again()

    run.world.after(it.args["seconds"], over)


def silence(run: Run, it: Happening) -> None:
    """Somebody silences alerts with the labels of `where`, an alert's name or `namespace`, for `seconds`."""
    run.alerts.silence(dict(it.args["labels"]), it.args["seconds"])
    run.weather.meet("silences")


def forget(run: Run, it: Happening) -> None:
    """An Alertmanager is restarted: the one in `place`, with its `data` or without."""
    alertmanagers = run.alerts.alertmanagers
    alertmanagers[it.args["place"] % len(alertmanagers)].restart(data=it.args["data"])
    run.weather.meet("alertmanager restarts" if it.args["data"] else "alertmanager loses its data")


def part(run: Run, it: Happening) -> None:
    """Two Alertmanagers do not hear of each other for `seconds`: each sends all there is."""
    if len(run.alerts.alertmanagers) > 1:
        run.alerts.part()
        run.weather.meet("alertmanagers part")
        run.world.after(it.args["seconds"], run.alerts.join)


def watches(run: Run, it: Happening) -> None:
    """All watches end; where `compacted` the API server has forgotten what came before (410)."""
    if it.args["compacted"]:
        run.world.store.compact()
    run.world.watches.close()
    run.weather.meet("watches expire" if it.args["compacted"] else "watches end")


def quota(run: Run, it: Happening) -> None:
    """A namespace gets a quota of `pods` for `seconds`: what is taken away may not come back."""
    made = objects.resource_quota(f"quota-{it.at:g}", it.where, pods=it.args["pods"])
    run.world.create(made)
    run.weather.meet("quotas")
    address = Ref(KINDS["ResourceQuota"], it.where, made["metadata"]["name"])
    run.world.after(it.args["seconds"], lambda: run.world.server.delete(address))


def load(run: Run, it: Happening) -> None:
    """What an autoscaler measures: `load` in percent of one pod, over all of them."""
    _, namespace, name = it.where.split("/")
    _patch(
        run,
        f"HorizontalPodAutoscaler/{namespace}/{name}",
        {"metadata": {"annotations": {"simulation.remediator.io/load": str(it.args["load"])}}},
    )


def garbage(run: Run, it: Happening) -> None:
    """Somebody posts what is no payload, or one with unusable alerts: `body`."""
    run.postman.send_bytes(it.args["body"].encode(), f"garbage {it.at:g}")


def rules(run: Run, it: Happening) -> None:
    """The rule files change: the rule `where` gets the `mode`, or is `removed`, or is back."""
    found = {rule.name: rule for rule in run.supervisor.rules.rules}
    original = next(rule for rule in run.scenario.rules if rule.name == it.where)
    if it.args.get("removed"):
        found.pop(it.where, None)
    else:
        found[it.where] = replace(original, mode=Mode(it.args["mode"]))
    changed = Reloaded(run.supervisor.rules.policy, tuple(found.values()))
    run.loop.start(run.supervisor.reload(changed))


def ceiling(run: Run, it: Happening) -> None:
    """The settings' mode changes."""
    policy = replace(run.supervisor.rules.policy, mode=Mode(it.args["mode"]))
    run.loop.start(run.supervisor.reload(Reloaded(policy, run.supervisor.rules.rules)))


HAPPENINGS: dict[str, Callable[[Any, Happening], None]] = {
    call.__name__: call
    for call in (
        roll, sicken, scale, note, pause, recreate, exclude, node, cordon,
        fault, meddle, answer, crash, stop, double, freeze, sever, halt, jump, weather, gap, garbage, rules, ceiling,
        silence, forget, part, watches, quota, load,
    )
}  # fmt: skip


def ref(key: str) -> Ref:
    """The address behind `Kind/namespace/name`."""
    kind, namespace, name = key.split("/")
    return Ref(KINDS[kind], namespace, name)


def made(workload: Workload) -> Json:
    """A workload as its owner creates it."""
    make = {
        "Deployment": objects.deployment,
        "StatefulSet": objects.stateful_set,
    }.get(workload.kind)
    if make is None:
        return objects.daemon_set(workload.name, workload.namespace, workload.image, labels=workload.labels)
    more = {"progressDeadlineSeconds": 60} if workload.kind == "Deployment" else {}
    return make(workload.name, workload.namespace, workload.image, workload.replicas, labels=workload.labels, **more)


def beside(workload: Workload) -> tuple[Json, ...]:
    """The disruption budget and the autoscaler of a workload, where it has them."""
    name, namespace, found = workload.name, workload.namespace, []
    if workload.available:
        least = int(workload.available) if workload.available.isdigit() else workload.available
        found.append(objects.disruption_budget(name, namespace, name, minAvailable=least))
    if workload.trait == "scaled":
        found.append(objects.autoscaler(name, namespace, name, 1, 4))
    return tuple(found)


def _say(run: Run, word: Paused) -> None:
    """Somebody tells the active process; where there is none, they try again."""
    process = run.supervisor.active
    if process is None or not process.leads:
        run.loop.call_later(5.0, _say, run, word)
    else:
        run.loop.start(process.controller.tell(word), process.life.group)


def _patch(run: Run, where: str, body: Json, how: PatchType = PatchType.MERGE) -> None:
    """A write by a third party; what is not there (any more) cannot be changed."""
    try:
        run.world.server.patch(ref(where), body, how)
    except ClusterError:
        return


def _then(run: Run, it: Happening, act: Callable[[], None]) -> None:
    """Act at once, after so many steps of the active process, or at its next message of a kind."""
    process = run.supervisor.active
    if process is None or not process.life.group.alive:
        return
    life, steps, message = process.life, it.args.get("steps", 0), it.args.get("message", "")
    if message:
        left = [it.args.get("nth", 1)]

        def at_message(what: str) -> None:
            left[0] -= what == message
            if left[0] <= 0:
                life.at_message = lambda what: None
                if run.supervisor.active is process:
                    act()

        life.at_message = at_message
    elif steps:
        end = life.group.steps + steps

        def at_step() -> None:
            if life.group.steps >= end:
                life.group.at_step = lambda: None
                if run.supervisor.active is process:
                    act()

        life.group.at_step = at_step
    else:
        act()
