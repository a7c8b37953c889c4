"""The same calls on the simulated cluster and on a real control plane, and what of the answers differs.

A sequence (`sequences/`) plays on a yard (`yards.py`); what it saw is projected (`projection.py`) into a transcript;
two transcripts are compared (`comparison.py`), and what differs has to be listed with its reason (`known.py`).
"""
