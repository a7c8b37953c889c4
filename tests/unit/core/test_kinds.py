"""Kinds by name: the known ones, and custom ones as kubectl names them in full."""

from __future__ import annotations

import pytest

from remediator.core.kinds import bare, is_custom, is_kind, names_object, ref_of, resource
from remediator.core.model import Resource, Target


@pytest.mark.parametrize(
    ("kind", "api_version", "name"),
    [
        ("Certificate.v1.cert-manager.io", "cert-manager.io/v1", "Certificate"),
        ("Rollout.v1alpha1.argoproj.io", "argoproj.io/v1alpha1", "Rollout"),
        ("Deployment.v1.apps.example.com", "apps.example.com/v1", "Deployment"),
    ],
)
def test_a_custom_kind_says_its_version_and_group_and_not_its_plural(kind: str, api_version: str, name: str) -> None:
    assert resource(kind) == Resource(api_version, kind, "")
    assert (bare(kind), is_kind(kind)) == (name, True)
    assert ref_of(Target(kind, "shop", "web")).resource == resource(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "Certificate",
        "certificate.v1.cert-manager.io",
        "Certificate.cert-manager.io",
        "Certificate.v1.local",
        "Certificate.1.cert-manager.io",
        "Certificate.v1.cert_manager.io",
        "Certificate.v1..io",
        "Certificate.v1.cert-manager.io/x",
        "Certificate.v1.cert-manager.io\n",
        "",
    ],
)
def test_anything_else_is_no_kind(kind: str) -> None:
    assert not is_custom(kind)
    with pytest.raises(KeyError):
        resource(kind)


def test_a_known_kind_is_known_with_its_plural() -> None:
    assert (resource("Node").plural, is_custom("Node"), is_kind("Node"), bare("Node")) == ("nodes", False, True, "Node")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Deployment/shop/web", True),
        ("Node/n1", True),
        ("Certificate.v1.cert-manager.io/shop/web", True),
        ("Zone.v1.example.org/eu", True),
        ("Deployment/web", False),
        ("Node/shop/n1", False),
        ("Deployment//web", False),
        ("Certificate/shop/web", False),
        ("Certificate.v1.cert-manager.io", False),
        ("Certificate.v1.cert-manager.io/a/b/c", False),
        ("", False),
    ],
)
def test_what_names_an_object(text: str, expected: bool) -> None:
    assert names_object(text) is expected
