"""The demo: three incidents play before the real controller, webhook and journal."""
