"""Conditions on live state: CEL sources, checked against the known names when rules are read, answered with unknown
where a value is missing. The only user of the CEL library; it is imported when the first condition is compiled.
"""

from remediator.conditions.condition import Condition, Unknown, checked_condition, compile_condition
from remediator.conditions.mistakes import ConditionError, Mistake
from remediator.conditions.where import Where, compile_where

__all__ = [
    "Condition",
    "ConditionError",
    "Mistake",
    "Unknown",
    "Where",
    "checked_condition",
    "compile_condition",
    "compile_where",
]
