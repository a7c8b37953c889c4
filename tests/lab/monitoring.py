"""Prometheus and Alertmanager."""


class Monitoring:
    """Not there yet."""
