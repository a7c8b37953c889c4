"""The fault matrix: two replicas on real servers, eleven faults, five moments, counted in the API server's audit log.

`python -m tests.faults` (`make faults`) plays all of it and prints one table.
"""
