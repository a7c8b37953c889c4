"""Secrets in text of unknown origin become `[redacted]`: logs, messages of events, templates of pods. Pure.

Whatever looks like a secret goes, rather too much than too little; a secret that looks like nothing of the kind stays,
so that the places where secrets usually stand (values of environment variables) are emptied by `core.template_diff`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import re2

from remediator.core.text import bare

GONE = "[redacted]"

_NAMES = (
    r"passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|account[_-]?key|"
    r"private[_-]?key|signing[_-]?key|encryption[_-]?key|shared[_-]?key|credential|connection[_-]?string|"
    r"session[_-]?id|otp|bearer"
)
"""What a name holds whose value is a secret."""

_HEADERS = r"(?:proxy-)?authorization|x-[a-z-]*(?:key|token|auth|secret)|(?:set-)?cookie"

_KEYED = rf"(?i)([\w.-]*(?:{_NAMES})[\w.-]*(?:\\*[\"'])?\s*(?:=>|[:=])\s*)"

_SHAPES: tuple[tuple[str, str], ...] = (
    # A key of several lines, also one of which only the beginning or the end is there.
    (r"-----BEGIN [A-Z0-9 ]+-----(?s:.*?)(?:-----END [A-Z0-9 ]+-----|\z)", GONE),
    (r"\A(?s:[^-]*)-----END [A-Z0-9 ]+-----", GONE),
    (rf"(?i)((?:{_HEADERS})(?:\\*[\"'])?\s*[:=]\s*)[^\n]+", rf"\1{GONE}"),
    (r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:\"'<>]*:[^\s\"'<>]*@", rf"\1{GONE}@"),
    (r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@\"'<>]+@", rf"\1{GONE}@"),
    (rf"{_KEYED}(?:\\*\"[^\"\n]*\\*\"|\\*'[^'\n]*\\*'|[^\s,;&\"'}}\])]+)", rf"\1{GONE}"),
    (rf"(?i)(--?[\w-]*(?:{_NAMES})[\w-]*[ =]+)(?:\"[^\"\n]*\"|'[^'\n]*'|\S+)", rf"\1{GONE}"),
    (rf"(?i)((?:{_NAMES})\s+(?:is|was)\s+)\S+", rf"\1{GONE}"),
    (r"(?i)\b(bearer\s+)[\w.~+/=-]{6,}", rf"\1{GONE}"),
    (r"(?i)\b(basic\s+)[A-Za-z0-9+/]{16,}={0,2}", rf"\1{GONE}"),
    (r"(?i)\b((?:token|apikey)\s+)[\w.~+/=-]{16,}", rf"\1{GONE}"),
    (
        r"(?i)([?&](?:sig|signature|x-amz-signature|x-amz-credential|x-goog-signature|code|key)=)[^\s&\"']+",
        rf"\1{GONE}",
    ),
    (r"\beyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)*", GONE),  # JWT
    (r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{12,}", GONE),  # AWS
    (r"\bAIza[\w-]{20,}|\bya29\.[\w-]{10,}|\bGOCSPX-[\w-]{10,}|\b1//0[\w-]{20,}", GONE),  # Google
    (r"\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}", GONE),  # GitHub
    (r"\bgl(?:pat|ptt|rt|dt|cbt|soat)-[\w-]{10,}", GONE),  # GitLab
    (r"\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}|hooks\.slack\.com/[\w/-]+", GONE),  # Slack
    (r"\b[prs]k_(?:live|test)_\w{8,}|\bwhsec_[\w+/=]{8,}", GONE),  # Stripe, signed webhooks
    (r"\bsk-[\w-]{16,}|\bSG\.[\w-]{10,}\.[\w-]{10,}|\bnpm_\w{20,}|\bpypi-[\w-]{16,}|\bdckr_pat_[\w-]{16,}", GONE),
    (r"\bhv[sbr]\.[\w-]{16,}|\bdop_v1_\w{16,}|\bAGE-SECRET-KEY-\w+", GONE),
)

_LINE = r"(?m)^[ \t]*[A-Za-z0-9+/]{40,}={0,2}[ \t]*$"
"""A line of a key."""

_LONG = r"\b(sha256:)?[A-Za-z0-9+_]{40,}={0,2}"
"""What no word is as long as; the digest of an image is no secret."""

_Instead = str | Callable[[Any], str]


def scrub(text: str) -> str:
    """The text without secrets, and without the control characters that could hide one from being found."""
    return _without(text, vague=True)


def scrub_known(text: str) -> str:
    """As `scrub`, but what is only as long as a secret stays: checksums and names are long too."""
    return _without(text, vague=False)


def _without(text: str, *, vague: bool) -> str:
    any_shape, patterns = _compiled(vague)
    text = bare(text)
    if any_shape.search(text) is None:  # most texts hold none, and one search costs a hundredth of all
        return text
    for pattern, instead in patterns:
        text = pattern.sub(instead, text)
    return text


@functools.cache
def _compiled(vague: bool) -> tuple[Any, tuple[tuple[Any, _Instead], ...]]:
    """What finds a secret of any shape, and each shape with what is put in its place. Made when first needed."""
    long: tuple[tuple[str, _Instead], ...] = (_LINE, GONE), (_LONG, lambda found: found[0] if found[1] else GONE)
    shapes = (*_SHAPES, *(long if vague else ()))
    any_shape = re2.compile("|".join(f"(?:{shape})" for shape, _ in shapes))
    return any_shape, tuple((re2.compile(shape), instead) for shape, instead in shapes)


def scrubbed(value: Any, keep: Callable[[str], str] = scrub) -> Any:
    """Plain JSON with every text in it scrubbed; the keys of objects stay."""
    if isinstance(value, str):
        return keep(value)
    if isinstance(value, dict):
        return {key: scrubbed(each, keep) for key, each in value.items()}
    return [scrubbed(each, keep) for each in value] if isinstance(value, list | tuple) else value
