"""The differences that are known and left as they are, each with its reason. `docs/fidelity.md` has the same list.

A difference between the product's plan and kubectl's deed has the name of its sequence with `by kubectl` behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from remediator.core.model import Value
from tests.fidelity.comparison import Difference


class Known(Value, frozen=True):
    """A difference: its name, and the reason why it stays. `where` is a pattern that is found in the place of every
    field that it concerns. `shown_by` are the sequences that have to show it; `everywhere` says that others may, and
    `by_chance` that it need not be. `shows` is a pattern of what the sides have, `expected / found`.
    """

    name: str
    where: str
    why: str
    shown_by: tuple[str, ...]
    everywhere: bool = False
    by_chance: bool = False
    shows: str = ""

    def covers(self, sequence: str, difference: Difference) -> bool:
        """Whether this is what differs."""
        here = self.everywhere or sequence in self.shown_by
        sides = f"{difference.expected} / {difference.found}"
        return here and re.search(self.where, difference.where) is not None and re.search(self.shows, sides) is not None


ONE_MARK = r'"[^"]+"'

KNOWN = (
    Known(
        "pods have no service account token volume",
        r"\.?spec(\.containers\[\w+\]\.volumeMounts|\.volumes)$",
        "every pod would be a third larger, and nothing reads it",
        ("create_a_deployment", "create_a_stateful_set", "fields_of_a_pod_that_may_change"),
        everywhere=True,
    ),
    Known(
        "unknown fields deep in a spec are kept",
        r"affinity\.noSuchField$",
        "the fields are known down to containers, their environment and ports; the rest would be the whole of the API",
        ("unknown_fields",),
    ),
    Known(
        "a running pod whose image is changed restarts with it",
        r"Pod\.single\.status\.containers\[app\]\.image$",
        "a kubelet does so; the lab has none, and what plays it does not",
        ("fields_of_a_pod_that_may_change",),
    ),
    Known(
        "nodes have no `beta.kubernetes.io` labels",
        r"Node.*\.labels\.beta\.kubernetes\.io/(arch|os)$",
        "they are the old names of labels that nodes have anyway",
        ("a_node_is_cordoned", "a_node_is_not_ready"),
    ),
    Known(
        "nodes have no `node.alpha.kubernetes.io/ttl`",
        r"Node.*\.annotations(\.node\.alpha\.kubernetes\.io/ttl)?$",
        "it is for the caches of kubelets",
        ("a_node_is_cordoned", "a_node_is_not_ready"),
    ),
    Known(
        "a Recreate roll-out says that it progresses",
        r"Deployment\.web\.status\.conditions\[Progressing\]\.reason$",
        "a real controller that meets a conflict just then keeps saying what it said of the roll-out before",
        ("recreate",),
        by_chance=True,
    ),
    Known(
        "kubectl refuses in other words",
        r"^\d+\. (undo|restart) .*: said$",
        "the product's say what to do next",
        ("undo_where_it_is_refused by kubectl", "undo_to_a_revision by kubectl"),
    ),
    Known(
        "kubectl leaves no `remediator.io/remediation`",
        r"\.annotations\.remediator\.io/remediation$",
        "it is the product's mark on what it wrote; as any annotation it is copied to ReplicaSets and revisions",
        (
            "undo_a_broken_roll_out by kubectl",
            "undo_to_a_revision by kubectl",
            "undo_what_was_changed_beside_the_image by kubectl",
            "undo_past_the_deadline by kubectl",
            "restart_a_deployment by kubectl",
            "restart_other_workloads by kubectl",
            "undo_of_a_daemon_set by kubectl",
        ),
        shows=rf"^{ONE_MARK} / \(absent\)$",
    ),
    Known(
        "kubectl leaves no annotations at all on a StatefulSet that it takes back",
        r"StatefulSet\.db\.metadata\.annotations$",
        "that mark is the only one there",
        ("undo_of_a_stateful_set by kubectl",),
        shows=rf'^{{"remediator\.io/remediation": {ONE_MARK}}} / \(absent\)$',
    ),
)
"""All of them."""


def unlisted(sequence: str, found: Sequence[Difference], known: Sequence[Known] = KNOWN) -> list[Difference]:
    """Differences that no list names."""
    return [one for one in found if not any(row.covers(sequence, one) for row in known)]


def no_longer(sequence: str, found: Sequence[Difference], known: Sequence[Known] = KNOWN) -> list[str]:
    """Names of listed differences that a sequence has to show and does not."""
    due = [row for row in known if sequence in row.shown_by and not row.by_chance]
    return [row.name for row in due if not any(row.covers(sequence, one) for one in found)]
