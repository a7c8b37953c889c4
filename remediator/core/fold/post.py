"""Messages to people onto the state: what waits for which endpoint, and what became of it."""

from __future__ import annotations

from msgspec.structs import replace

from remediator.core.events import Event, IncidentClosed, Notice
from remediator.core.fold.place import without
from remediator.core.post import Correspondence, Letter, Thread
from remediator.core.rules import Reach
from remediator.core.state import State


def notice(state: State, event: Event, data: Notice) -> State:
    """A message is to be told, was, or was not."""
    held = state.post.get(event.incident) or Correspondence(event.rule, event.target)
    if data.status == "requested":
        return _put(state, event.incident, _requested(state, held, event, data))
    thread = held.thread(data.receiver, data.endpoint)
    return state if thread is None else _put(state, event.incident, _with(held, _answered(thread, data)))


def follow(before: State, after: State, event: Event) -> State:
    """An incident that ended leaves nothing behind where nobody is to be told any more."""
    if not isinstance(event.data, IncidentClosed) or event.incident not in after.post:
        return after
    return _put(after, event.incident, after.post[event.incident])


def _requested(state: State, held: Correspondence, event: Event, data: Notice) -> Correspondence:
    if data.message is None:
        return held
    letter = Letter(data.key, data.message, event.time)
    for endpoint in state.policy.receivers.get(data.receiver, Reach()).endpoints:
        thread = held.thread(data.receiver, endpoint) or Thread(data.receiver, endpoint)
        held = _with(held, replace(thread, waiting=(*thread.waiting, letter)))
    return replace(held, sent=held.sent + 1)


def _answered(thread: Thread, data: Notice) -> Thread:
    if data.status == "undelivered":
        return replace(thread, problem=data.problem)
    waiting = tuple(letter for letter in thread.waiting if letter.key != data.key)
    if data.status == "abandoned":
        return replace(thread, waiting=waiting, problem=data.problem, lost=thread.lost + 1)
    return replace(thread, waiting=waiting, problem="", told=thread.told + 1, ref=data.thread or thread.ref)


def _with(held: Correspondence, thread: Thread) -> Correspondence:
    """The threads with one of them as it is now, in its place or at the end."""
    same = [(each.receiver, each.endpoint) == (thread.receiver, thread.endpoint) for each in held.threads]
    if not any(same):
        return replace(held, threads=(*held.threads, thread))
    threads = tuple(thread if is_it else each for is_it, each in zip(same, held.threads, strict=True))
    return replace(held, threads=threads)


def _put(state: State, incident: str, held: Correspondence) -> State:
    if incident in state.incidents or held.is_waiting:
        return replace(state, post=state.post.set(incident, held))
    return replace(state, post=without(state.post, incident))
