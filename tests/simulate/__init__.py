"""The deterministic simulation: the real controller in a world that fails in every way, judged by its promises."""
