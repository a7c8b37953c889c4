"""A sequence at play: it asks a yard's cluster, and keeps what it saw as a transcript."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from typing import Any

from remediator.core.kinds import KINDS
from remediator.core.model import Change, Json, PatchType, Precondition, Ref, Verb
from remediator.ports import ClusterError
from tests.fidelity.comparison import Difference, Entry, Transcript, compared
from tests.fidelity.names import Names
from tests.fidelity.operators import Operator
from tests.fidelity.projection import projected, told
from tests.fidelity.yards import Yard

ANY = Precondition("", "")
STRATEGIC, MERGE, JSON = PatchType.STRATEGIC, PatchType.MERGE, PatchType.JSON
Unlisted = Callable[[Sequence[Difference]], Sequence[Difference]]


class Play:
    """One sequence on one yard. `expected` is what another yard saw, to know what to wait for."""

    def __init__(
        self,
        yard: Yard,
        operator: Operator,
        kinds: Sequence[str],
        expected: Transcript | None = None,
        unlisted: Unlisted = lambda found: found,
    ) -> None:
        self.yard, self.cluster, self.namespace = yard, yard.cluster, yard.namespace
        self.transcript: Transcript = []
        self.calls = 0
        self._operator, self._kinds, self._expected, self._unlisted = operator, kinds, expected, unlisted
        self._names = Names(yard.namespace)
        self._nodes: tuple[str, ...] = ()
        self._looked: tuple[list[tuple[str, str]], Json] = ([], {})

    def ref(self, kind: str, name: str) -> Ref:
        """The address of an object in this sequence's namespace."""
        return Ref(KINDS[kind], self.namespace if KINDS[kind].namespaced else "", name)

    async def create(self, obj: Json) -> Json:
        """Create an object."""
        return await self.write(Change(Verb.CREATE, self.ref(obj["kind"], obj["metadata"].get("name", "")), obj, ANY))

    async def patch(
        self, kind: str, name: str, body: Json | list[Json], how: PatchType = MERGE, given: Precondition = ANY
    ) -> Json:
        """Patch an object."""
        return await self.write(Change(Verb.PATCH, self.ref(kind, name), body, given, how))

    async def delete(self, kind: str, name: str, options: Json | None = None, given: Precondition = ANY) -> Json:
        """Delete an object."""
        return await self.write(Change(Verb.DELETE, self.ref(kind, name), options or {}, given))

    async def evict(self, pod: str, options: Json | None = None, given: Precondition = ANY) -> Json:
        """Evict a pod."""
        return await self.write(Change(Verb.EVICT, self.ref("Pod", pod), options or {}, given))

    async def write(self, change: Change) -> Json:
        """Rehearse a change, then carry it out; empty where it is refused. Keeps the answer, and where the rehearsal
        promised another one.
        """
        label = self._label(change)
        rehearsed, _ = await self._answer(self.cluster.rehearse(change))
        shown, answer = await self._answer(self.cluster.write(change))
        odd = {
            one.where.removeprefix(": "): [one.expected, one.found]
            for one in compared(Entry("", _stateless(rehearsed)), _stateless(shown))
        }
        if change.verb is Verb.PATCH:
            shown = _stateless(shown)
        self._keep(label, {**shown, **({"rehearsed otherwise": odd} if odd else {})})
        return answer

    async def rehearse(self, change: Change) -> Json:
        """Rehearse a change and look whether its object is the same afterwards, to the version."""
        before = await self._answer(self.cluster.get(change.ref))
        shown, answer = await self._answer(self.cluster.rehearse(change))
        after = await self._answer(self.cluster.get(change.ref))
        self._keep(f"rehearse {self._label(change)}", {**shown, "nothing changed": before == after})
        return answer

    async def get(self, kind: str, name: str) -> Json:
        """An object as it is, without keeping it in the transcript."""
        return await self.cluster.get(self.ref(kind, name))

    async def read(self, kind: str, name: str) -> None:
        """Read an object, and keep the answer."""
        shown, _ = await self._answer(self.cluster.get(self.ref(kind, name)))
        self._keep(f"get {kind}/{self._names.stable(name)}", shown)

    async def as_stranger(self) -> Play:
        """The same play, by an account without any right."""
        stranger = copy(self)
        stranger.cluster = await self.yard.as_stranger()
        return stranger

    @asynccontextmanager
    async def own_node(self, node: Json) -> AsyncIterator[None]:
        """A node that is there for the length of a `with` block."""
        await self.yard.join(node)
        self._nodes = (node["metadata"]["name"],)
        try:
            yield
        finally:
            await self.yard.leave(node["metadata"]["name"])

    async def list(self, kind: str, selector: str = "") -> list[Json]:
        """List objects and keep their names, or the refusal."""
        try:
            found = await self.cluster.list(KINDS[kind], self.namespace, selector)
        except ClusterError as error:
            self._keep(f"list {kind} {selector}", self._refusal(error))
            return []
        self._names.learn(found)
        self._keep(f"list {kind} {selector}", sorted(self._names.stable(obj["metadata"]["name"]) for obj in found))
        return found

    async def pods(self, app: str) -> list[Json]:
        """The pods of an app that nobody deletes yet, by name; not kept."""
        found = await self.cluster.list(KINDS["Pod"], self.namespace, f"app={app}")
        self._names.learn(found)
        left = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(left, key=lambda pod: pod["metadata"]["name"])

    async def name_of(self, kind: str, selector: str) -> str:
        """The name of the one object that a selector finds; not kept."""
        (found,) = await self.cluster.list(KINDS[kind], self.namespace, selector)
        self._names.learn([found])
        return found["metadata"]["name"]

    async def rest(self, what: str) -> Json:
        """Let controllers finish, then keep every object of the kinds that the sequence is about."""
        step = f"rest: {what}"
        seen = await self.yard.rest(self._look, lambda seen: not self._unlisted(compared(self._awaited(step), seen)))
        self._keep(step, seen)
        return seen

    async def undo(self, kind: str, name: str, to_revision: int | None = None) -> None:
        """Roll back as this play's operator does it."""
        outcome = await self._operator.undo(self.yard, self.ref(kind, name), to_revision)
        self._keep(f"undo {kind}/{name} to {to_revision or 'the one before'}", self._names.in_value(outcome))

    async def restart(self, kind: str, name: str) -> None:
        """Restart as this play's operator does it."""
        outcome = await self._operator.restart(self.yard, self.ref(kind, name))
        self._keep(f"restart {kind}/{name}", self._names.in_value(outcome))

    async def scale(self, kind: str, name: str, replicas: int) -> None:
        """Scale as this play's operator does it."""
        outcome = await self._operator.scale(self.yard, self.ref(kind, name), replicas)
        self._keep(f"scale {kind}/{name} to {replicas}", self._names.in_value(outcome))

    async def events(self, kind: str, since: str, last: tuple[str, str]) -> None:
        """Keep the types and names of a watch's events up to the last one, in the order of their first occurrence."""
        seen: list[str] = []
        async for type_, obj in self.cluster.watch(KINDS[kind], self.namespace, since):
            if type_ == "BOOKMARK":
                continue
            self._names.learn([obj])
            event = f"{type_} {self._names.stable(obj['metadata']['name'])}"
            seen += [event] if event not in seen else []
            if event == " ".join(last):
                break
        self._keep(f"events of {kind}", seen)

    def note(self, step: str, seen: Any) -> None:
        """Keep something else that a sequence saw."""
        self._keep(step, self._names.in_value(seen))

    async def _look(self) -> Json:
        kinds = dict.fromkeys([*self._kinds, "ReplicaSet", "ControllerRevision"])
        found = {kind: await self.cluster.list(KINDS[kind], self.namespace) for kind in kinds}
        if "Node" in found:
            found["Node"] = [node for node in found["Node"] if node["metadata"]["name"] in self._nodes]
        objects = [obj["metadata"] for kind in found.values() for obj in kind]
        versions = [(metadata["uid"], metadata["resourceVersion"]) for metadata in objects]
        if versions != self._looked[0] or not versions:
            self._names.learn([obj for objects in found.values() for obj in objects])
            self._looked = versions, {kind: self._shown(found[kind]) for kind in self._kinds}
        return self._looked[1]

    def _shown(self, objects: list[Json]) -> Json:
        """Projected objects by stable name; those with one name are alike, and are counted where they are equal."""
        by_name: dict[str, list[str]] = {}
        for obj in objects:
            shown = json.dumps(projected(obj, self._names), sort_keys=True)
            by_name.setdefault(self._names.stable(obj["metadata"]["name"]), []).append(shown)
        return {
            name: [{"how many": count, **json.loads(text)} for text, count in sorted(Counter(texts).items())]
            if name.endswith("*")
            else json.loads(texts[0])
            for name, texts in by_name.items()
        }

    def _awaited(self, step: str) -> Entry:
        index = len(self.transcript)
        known = self._expected[index : index + 1] if self._expected else []
        return known[0] if known else Entry(step, None)

    async def _answer(self, call: Awaitable[Json]) -> tuple[Json, Json]:
        self.calls += 1
        try:
            answer = await call
        except ClusterError as error:
            return self._refusal(error), {}
        return projected(answer, self._names), answer

    def _refusal(self, error: ClusterError) -> Json:
        refusal = {"error": type(error).__name__, "status": error.status, "reason": error.reason}
        return {**refusal, "message": told(error.message, self._names)}

    def _label(self, change: Change) -> str:
        how = f" {change.patch_type.name.lower()}" if change.verb is Verb.PATCH else ""
        name = self._names.stable(change.ref.name)
        body = "" if change.verb is Verb.CREATE else self._names.stable(json.dumps(change.body))
        return f"{change.verb.value}{how} {change.ref.resource.kind}/{name} {body}".strip()

    def _keep(self, step: str, seen: Any) -> None:
        self.transcript.append(Entry(f"{len(self.transcript) + 1}. {step}", seen))


def _stateless(shown: Json) -> Json:
    """An answer without what controllers write whenever they come to it."""
    return {key: value for key, value in shown.items() if key != "status" or "metadata" not in shown}
