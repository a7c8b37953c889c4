"""`none`: nothing is done; the target is diagnosed, and the ladder goes on to its next rung where there is one."""

from __future__ import annotations

from remediator.actions.action import Action, Disruption, no_arguments

ACTION = Action("none", (), no_arguments, looks=True, disrupts=Disruption.NONE)
