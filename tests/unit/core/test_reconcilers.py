"""Argo CD, Flux and Helm are known by the marks that they leave."""

from __future__ import annotations

import pytest

from remediator.core.reconcilers import reconcilers_of

FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
INSTANCE = {"app.kubernetes.io/instance": "web"}
TRACKED = {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/web"}


@pytest.mark.parametrize(
    ("labels", "annotations", "managers", "tools"),
    [
        ({}, {}, (), ()),
        ({}, TRACKED, (), ("Argo CD",)),
        ({"argocd.argoproj.io/instance": "web"}, {}, (), ("Argo CD",)),
        (INSTANCE, {}, ("argocd-controller",), ("Argo CD",)),
        (INSTANCE, {}, ("kubectl",), ()),
        ({}, {}, ("argocd-controller",), ()),
        (FLUX, {}, (), ("Flux",)),
        ({"helm.toolkit.fluxcd.io/name": "web"}, {}, (), ("Flux",)),
        (FLUX, {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}, (), ()),
        (FLUX, {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}, (), ()),
        (FLUX, {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}, (), ()),
        (FLUX, {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}, (), ("Flux",)),
        (FLUX, {"kustomize.toolkit.fluxcd.io/reconcile": "enabled"}, (), ("Flux",)),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}, (), ("Helm",)),
        ({"app.kubernetes.io/managed-by": "kustomize"}, {}, (), ()),
        ({}, {"meta.helm.sh/release-name": "web"}, (), ("Helm",)),
        ({"app.kubernetes.io/managed-by": "Helm"}, TRACKED, (), ("Argo CD", "Helm")),
    ],
)
def test_whose_an_object_is(labels, annotations, managers, tools):
    fields = [{"manager": manager} for manager in managers]
    meta = {"name": "web", "labels": labels, "annotations": annotations, "managedFields": fields}
    assert reconcilers_of({"metadata": meta}) == tools


def test_an_object_without_marks_is_nobodys():
    assert reconcilers_of({"metadata": {"name": "web", "labels": None, "annotations": None}}) == ()
