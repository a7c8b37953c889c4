"""Mutated webhook payloads, from a seed: `test_webhook.py` puts them through the product."""
