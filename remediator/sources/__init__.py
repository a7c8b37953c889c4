"""Observe: what is read of alerts and of the live cluster, turned into the core's observations."""
