"""The three incidents of the demo: what stands there, what goes wrong, and what a viewer should look for."""

from __future__ import annotations

from remediator.core.kinds import KINDS
from remediator.core.model import Json, Ref, Value
from remediator.simulation import objects

REGISTRY = "registry.example"


class Scene(Value, frozen=True):
    """One incident: a Deployment that is well, or has been, and the image that is then rolled out."""

    namespace: str
    name: str
    image: str
    next_image: str
    story: str
    patience: int = 3

    @property
    def deployment(self) -> Json:
        """The Deployment as it is before anything goes wrong; its roll-outs are stuck after `patience` seconds."""
        return objects.deployment(self.name, self.namespace, self.image, 3, progressDeadlineSeconds=self.patience)

    @property
    def ref(self) -> Ref:
        """Where the Deployment stands."""
        return Ref(KINDS["Deployment"], self.namespace, self.name)

    @property
    def fault(self) -> Json:
        """The strategic merge patch that rolls the next image out."""
        container = {"name": "app", "image": self.next_image}
        return {"spec": {"template": {"spec": {"containers": [container]}}}}


SCENES = (
    Scene(
        "shop",
        "web",
        f"{REGISTRY}/web:1",
        f"{REGISTRY}/web:2-broken",
        "web 2 has an image that cannot be pulled. Expect: rolled back, verified, closed as recovered.",
    ),
    Scene(
        "kube-system",
        "dns",
        f"{REGISTRY}/dns:1",
        f"{REGISTRY}/dns:2-broken",
        "dns breaks the same way, in a protected namespace. Expect: refused, with the reason; nothing written.",
    ),
    Scene(
        "shop",
        "cart",
        f"{REGISTRY}/cart:1-crash",
        f"{REGISTRY}/cart:2-crash",
        "cart crashes in every version: its database is gone. Expect: rolled back, seen not to help, undone, "
        "and a person told.",
        patience=600,
    ),
)
