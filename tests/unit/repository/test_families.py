"""Actions and guards: each is a file, a registration, a test file and a row of the docs."""

from __future__ import annotations

import pytest

from remediator.actions import ACTIONS
from remediator.core.surroundings import Need
from remediator.guards import GUARDS
from remediator.sources.grants import AROUND
from tests.unit.repository.sources import PACKAGE, ROOT, Document

FRAMES = {"actions": {"action", "setting"}, "guards": {"guard"}}
"""The modules that say what a member of the family is, and what members share."""

REGISTERED = {"actions": set(ACTIONS), "guards": {guard.name for guard in GUARDS}}
HEADINGS = {"actions": "action", "guards": "guard"}


def files_of(family: str) -> set[str]:
    return {path.stem for path in (PACKAGE / family).glob("*.py")} - {"__init__", *FRAMES[family]}


@pytest.fixture(params=["actions", "guards"])
def family(request: pytest.FixtureRequest) -> str:
    return request.param


def test_each_has_a_file_of_its_name(family: str) -> None:
    assert files_of(family) == REGISTERED[family]


def test_each_has_a_test_file(family: str) -> None:
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests/unit" / family).glob("test_*.py")}
    assert files_of(family) - tested == set()


def test_each_has_a_row_in_the_docs_and_no_row_is_left_over(family: str) -> None:
    rows = Document(ROOT / "docs" / f"{family}.md").table(HEADINGS[family])
    assert set(rows) == REGISTERED[family]


def test_the_docs_say_which_guards_are_quiet() -> None:
    rows = Document(ROOT / "docs/guards.md").table("guard")
    assert {name for name, cells in rows.items() if cells[-1] == "yes"} == {g.name for g in GUARDS if g.quiet}


def test_the_docs_say_what_can_be_undone_and_what_each_action_applies_to() -> None:
    rows = Document(ROOT / "docs/actions.md").table("action")
    for name, action in ACTIONS.items():
        kinds, undo = rows[name][1], rows[name][-1]
        assert all(kind in kinds for kind in action.kinds), name
        assert undo.startswith("yes") is (action.undo is not None), name


def test_the_docs_say_what_each_action_disrupts_and_sets() -> None:
    rows = Document(ROOT / "docs/actions.md").table("of")
    assert set(rows) == set(ACTIONS)
    for name, action in ACTIONS.items():
        disrupts, sets = rows[name]
        assert disrupts.split(":")[0] == action.disrupts, name
        said = {word for word in ("template", "replicas", "bounds", "fields") if word in sets.split()}
        assert action.sets <= said if action.effect else action.sets == said, name


def test_the_docs_say_which_test_shows_each_action_on_real_servers() -> None:
    page = Document(ROOT / "docs/actions-on-real-servers.md")
    rows, named = page.table("of"), page.table("short")
    assert set(rows) == set(ACTIONS)
    for place in (cells[0] for cells in named.values()):
        path, _, test = place.strip("`").partition("::")
        assert f"def {test}(" in (ROOT / path).read_text(), place
    shown = {name: [set(cell.split(", ")) <= set(named) for cell in cells] for name, cells in rows.items()}
    for name, action in ACTIONS.items():
        done, _, undone, _ = shown[name]
        assert (done, undone) == (True, action.undo is not None), name
    told = [cell for heading in ("of", "circumstance") for cells in page.table(heading).values() for cell in cells]
    assert {word for cell in told for word in cell.split(", ")} >= set(named), (
        "every test that is named shows something"
    )


def test_each_action_says_which_rights_it_needs_be_it_none() -> None:
    assert [name for name, action in ACTIONS.items() if action.grants is None] == []


def test_each_guard_that_needs_more_than_the_target_has_somebody_who_reads_it() -> None:
    assert set(AROUND) == set(Need)
