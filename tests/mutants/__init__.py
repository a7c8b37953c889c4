"""Planted bugs: each must be found by the simulation or by a named test. `python -m tests.mutants` tries them all."""
