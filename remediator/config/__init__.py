"""What people write: settings and rule files, read strictly, every mistake told at once with its place and remedy.

Nothing heavy is imported here: YAML and pydantic come in when a file is read.
"""

from remediator.config.problems import ConfigErrors, Problem
from remediator.config.rules import load_rules, rule_paths
from remediator.config.settings import Settings, load_settings

__all__ = ["ConfigErrors", "Problem", "Settings", "load_rules", "load_settings", "rule_paths"]
