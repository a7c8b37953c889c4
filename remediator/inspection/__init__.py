"""What servers say of rules before they are in force: Prometheus of their queries, Kubernetes of their rights.

Nothing here writes. What a file says by itself is `config`'s to judge.
"""
