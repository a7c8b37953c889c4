"""Names and uids without randomness: each is drawn from the seed and the revision it is made at.

So two worlds with one seed and the same history give the same names, and a dry run uses none of them up.
"""

from __future__ import annotations

from hashlib import blake2b

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # as k8s.io/apimachinery/pkg/util/rand: no vowels, no look-alikes


class Identity:
    """The source of uids and name suffixes of one world."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def uid(self, revision: int) -> str:
        """The uid of the object created at a revision, shaped as a version 4 UUID."""
        digest = self._digest("uid", revision)
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"

    def suffix(self, revision: int, length: int = 5) -> str:
        """What `generateName` appends to the name of the object created at a revision."""
        number = int(self._digest("suffix", revision), 16)
        letters = []
        for _ in range(length):
            number, rest = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[rest])
        return "".join(letters)

    def _digest(self, use: str, revision: int) -> str:
        return blake2b(f"{self._seed}/{use}/{revision}".encode(), digest_size=16).hexdigest()


def safe_encoded(text: str) -> str:
    """A decimal hash in letters that make no words, as `rand.SafeEncodeString` does for `pod-template-hash`."""
    return "".join(_ALPHABET[ord(letter) % len(_ALPHABET)] for letter in text)


def fnv32a(data: bytes) -> int:
    """The FNV-1a hash of 32 bits, which controllers hash pod templates with."""
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value
