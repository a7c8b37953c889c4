"""The product's HTTP face: webhook, health, metrics and API. It takes in and shows; it decides nothing."""
