"""Every platform has a page, values beside it, and a row; and what a page says of values are values of the chart."""

from __future__ import annotations

import re

import pytest

from tests.unit.chart.test_made import said
from tests.unit.repository.sources import ROOT, Document

PLATFORMS = ROOT / "docs" / "platforms"
PAGES = sorted(path for path in PLATFORMS.glob("*.md") if path.name != "README.md")


def test_each_platform_has_a_page_its_values_and_a_row() -> None:
    pages = {path.stem for path in PAGES}
    assert {path.stem for path in PLATFORMS.glob("*.yaml")} == pages
    rows = Document(PLATFORMS / "README.md").table("platform")
    assert {match[1] for row in rows.values() if (match := re.search(r"\((\w+)\.yaml\)", row[0]))} == pages


@pytest.mark.parametrize("page", [each for each in PAGES if "| what |" in each.read_text()], ids=lambda page: page.stem)
def test_the_values_that_a_page_names_exist(page) -> None:
    known = {path for path, _ in said()}
    for row in Document(page).table("what").values():
        for name in re.findall(r"`([a-zA-Z.]+)`", row[-1]):
            whole = name if "." in name or name in known else f"podSecurityContext.{name}"
            assert whole in known or whole.split(".")[0] in ("config", "podSecurityContext", "serviceAccount"), name
