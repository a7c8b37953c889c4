"""The lab: a real Kubernetes control plane with simulated nodes, Prometheus, Alertmanager, on this machine.

For people: ``python -m tests.lab up``. For tests: the fixtures of ``tests.lab.fixtures``.
"""
