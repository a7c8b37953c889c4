"""The world in memory: a Kubernetes API with its controllers, for rule tests, backtests, the demo and the simulator."""
