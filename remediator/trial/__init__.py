"""Rule tests: each a world of its own, in which the product is at work in virtual time, and is judged by what came."""
