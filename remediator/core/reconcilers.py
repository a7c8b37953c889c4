"""Which tools keep an object as it stands somewhere else, read from the marks that they leave on it.

Argo CD: annotation `argocd.argoproj.io/tracking-id`, its older label `argocd.argoproj.io/instance`, or the default
label `app.kubernetes.io/instance` beside a field manager of its own (others set that label too). Flux: labels of its
kustomize- and helm-controller. Helm alone: `app.kubernetes.io/managed-by: Helm`.
"""

from __future__ import annotations

from remediator.core.model import Json

ARGO = "Argo CD"
FLUX = "Flux"
HELM = "Helm"

_FLUX_LABELS = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_FLUX_OFF = {
    "kustomize.toolkit.fluxcd.io/reconcile": ("disabled",),
    "kustomize.toolkit.fluxcd.io/ssa": ("Ignore", "IfNotPresent"),
}
"""By which annotations it leaves an object as it is, once that is there."""


def reconcilers_of(live: Json) -> tuple[str, ...]:
    """The tools that an object belongs to. Flux, where it is told to leave this object alone, does not count."""
    meta = live["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    flux = any(label in labels for label in _FLUX_LABELS)
    found = {
        ARGO: _is_argo(labels, notes, meta),
        FLUX: flux and not any(notes.get(name) in values for name, values in _FLUX_OFF.items()),
        HELM: labels.get("app.kubernetes.io/managed-by") == "Helm" or "meta.helm.sh/release-name" in notes,
    }
    return tuple(name for name, is_its in found.items() if is_its)


def _is_argo(labels: Json, notes: Json, meta: Json) -> bool:
    if "argocd.argoproj.io/tracking-id" in notes or "argocd.argoproj.io/instance" in labels:
        return True
    managers = (each.get("manager", "") for each in meta.get("managedFields") or ())
    return "app.kubernetes.io/instance" in labels and any(each.startswith("argocd") for each in managers)
