"""What the tests on real servers share: an installation of the product in a namespace of the lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.accounts import Account
from tests.lab.fixtures import MakeAccount
from tests.lab.lab import Lab
from tests.lab.webhook import WebhookReceiver
from tests.real.service import RIGHTS, Service
from tests.real.site import Site

Install = Callable[..., Service]


@pytest.fixture
def remediator(account: MakeAccount) -> Account:
    """The service account that the product acts under, with the rights its rules need."""
    return account(RIGHTS)


@pytest.fixture
def install(remediator: Account, tmp_path: Path) -> Iterator[Install]:
    """`install(rules, kubeconfig=…, **settings)` → a service, not started yet; ended after the test."""
    made: list[Service] = []

    def make(rules: str, kubeconfig: Path | None = None, **settings: object) -> Service:
        folder = tmp_path / f"service-{len(made)}"
        folder.mkdir()
        made.append(Service(folder, kubeconfig or remediator.kubeconfig, rules, **settings))
        return made[-1]

    yield make
    for service in made:
        service.kill()


@pytest.fixture
def oncall() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def receivers(oncall: WebhookReceiver) -> list[dict[str, object]]:
    return [{"name": "oncall", "webhook_configs": [{"url": oncall.url}]}]


@pytest.fixture
def site(lab: Lab, namespace: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(lab, namespace, tmp_path)
    yield made
    made.remove()
