"""What docs/simulation.md shows works as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"


async def test_the_example_of_the_page_runs():
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found[1], str(PAGE), "exec"), names)
    assert (await names["cluster"].write(names["scale"]))["spec"]["replicas"] == 5
    assert len(names["world"].audit.writes("system:serviceaccount:remediator:remediator")) == 1
