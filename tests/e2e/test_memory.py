"""The kernel ends a container that takes more memory than it may: the person who is asked is told so."""

from __future__ import annotations

import json

from tests.e2e.cluster import PATIENCE, Shop
from tests.e2e.conftest import Oncall
from tests.e2e.installation import Installation
from tests.lab.waiting import wait_for


def test_the_message_has_exit_code_137_and_what_the_container_last_said(
    product: Installation, cellar: Shop, oncall: Oncall
) -> None:
    cellar.roll_out("eat", memory="24Mi")

    product.wait_for_line("escalated", namespace=cellar.namespace)
    messages = wait_for(lambda: oncall.about(cellar.namespace), bool, "a message", PATIENCE)
    diagnosis = messages[0]["diagnosis"]
    text = json.dumps(diagnosis)
    assert "OOMKilled" in text
    assert "137" in text
    assert "web: filling the cache" in str(diagnosis["logs"]), diagnosis
    assert product.changes(cellar) == []
    cellar.roll_out("serve")
    cellar.wait_until_rolled_out()
