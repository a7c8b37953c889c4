"""Guarded, audited auto-remediation for Kubernetes, driven by Prometheus and Alertmanager."""

__version__ = "0.1.0"
