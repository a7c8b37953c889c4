"""Brings messages to people: receivers by name, each with its endpoints."""
