"""What becomes of a container, by its image: the words are those of the lab's stages, so both worlds play alike."""

from __future__ import annotations

from remediator.core.model import Json, Value
from remediator.simulation.values import annotations_of

FATE = "simulation.remediator.io/fate"
"""An annotation on a pod that overrules what its images say, for example `crash`."""

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 10.0, 300.0
_PULL_FAILS, _PULL_BACKS_OFF = 1.0, 3.0


class Fate(Value, frozen=True):
    """A container's life, in seconds: pulled or not, running after `starts`, ready then or never, how a run ends.

    A run ends `runs` seconds after its start with `exit_code`; `None` runs for ever. `lasts_first` is the length of
    the first run, where it differs.
    """

    pulls: bool = True
    ready: bool = True
    starts: float = 2.0
    runs: float | None = None
    exit_code: int = 0
    reason: str = "Completed"
    lasts_first: float | None = None


class Moment(Value, frozen=True):
    """Where a container stands: `creating`, `unpulled`, `running`, `back_off` or `ended`; since and until which age.

    `until` is `None` where nothing more happens. `ended_at` is the age at which the last run ended.
    """

    state: str
    restarts: int = 0
    reason: str = ""
    since: float = 0.0
    until: float | None = None
    ended_at: float | None = None


FATES: dict[str, Fate] = {
    "broken": Fate(pulls=False),
    "missing": Fate(pulls=False),
    "crash": Fate(ready=False, starts=1.0, runs=1.0, exit_code=1, reason="Error"),
    "oom": Fate(ready=False, starts=1.0, runs=5.0, exit_code=137, reason="OOMKilled"),
    "notready": Fate(ready=False),
    "leak": Fate(runs=5.0, exit_code=137, reason="OOMKilled", lasts_first=120.0),
}
"""Words in an image's name, the first that fits counts: all others start, become ready and stay so.

`leak` is well for its first two minutes only; a new pod of the same image starts afresh.
"""

JOB_FATES: dict[str, Fate] = {
    "fail": Fate(starts=1.0, runs=1.0, exit_code=1, reason="Error"),
    "hang": Fate(starts=1.0),
}
"""Further words for pods that are to end (`restartPolicy` other than Always); all others are done after a second."""

_DONE = Fate(starts=1.0, runs=1.0)


def fate_of(pod: Json, image: str) -> Fate:
    """The fate of one container of a pod."""
    name = annotations_of(pod).get(FATE) or image
    ends = pod["spec"]["restartPolicy"] != "Always"
    words = FATES | JOB_FATES if ends else FATES
    return next((fate for word, fate in words.items() if word in name), _DONE if ends else Fate())


def moment(fate: Fate, age: float, *, restarts: bool) -> Moment:
    """Where a container of this fate stands at an age; `restarts` says whether an ended run is followed by another."""
    if not fate.pulls:
        if age < _PULL_FAILS:
            return Moment("creating", until=_PULL_FAILS)
        if age < _PULL_BACKS_OFF:
            return Moment("unpulled", reason="ErrImagePull", since=_PULL_FAILS, until=_PULL_BACKS_OFF)
        return Moment("unpulled", reason="ImagePullBackOff", since=_PULL_BACKS_OFF)
    if age < fate.starts:
        return Moment("creating", until=fate.starts)
    return _run(fate, age, restarts)


def _run(fate: Fate, age: float, restarts: bool) -> Moment:
    start, count, ended_at, pause = fate.starts, 0, None, _FIRST_BACK_OFF
    while True:
        length = fate.lasts_first if count == 0 and fate.lasts_first is not None else fate.runs
        end = None if length is None else start + length
        if end is None or age < end:
            return Moment("running", count, since=start, until=end, ended_at=ended_at)
        if not restarts:
            return Moment("ended", count, fate.reason, since=start, ended_at=end)
        if age < end + pause:
            return Moment("back_off", count, fate.reason, since=start, until=end + pause, ended_at=end)
        start, count, ended_at, pause = end + pause, count + 1, end, min(pause * 2, _LONGEST_BACK_OFF)
        if pause == _LONGEST_BACK_OFF and fate.runs is not None:
            cycle = fate.runs + pause
            skipped = max(int((age - start) // cycle), 0)  # from here on every cycle is as long
            start, count = start + skipped * cycle, count + skipped
            ended_at = start - pause
