"""The pure centre: values, rules, the fold over the journal. No I/O, no clock, no randomness, no logging."""
