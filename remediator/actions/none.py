"""`none`: nothing is done; the target is diagnosed, and the ladder goes on to its next rung where there is one."""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, no_arguments
from remediator.core.grants import NOTHING

ACTION = Action("none", (), no_arguments, looks=True, disrupts=Disruption.NONE, grants=NOTHING)
