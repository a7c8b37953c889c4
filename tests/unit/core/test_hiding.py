"""What is written down of objects: what is shown has no variables, what is kept to be given back has no secrets."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from remediator.core.fields import Field
from remediator.core.hiding import guarded, hidden, holds_secret, without_secrets
from remediator.core.scrub import GONE

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CHECKSUM = "a" * 64


@pytest.mark.parametrize(
    ("value", "shown", "kept"),
    [
        ({"name": "LOG_LEVEL", "value": "debug"}, {"name": "LOG_LEVEL", "value": GONE}, None),
        ({"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "DB_PASSWORD", "value": GONE}, "same"),
        ({"name": "DB_PASSWORD_FILE", "value": "/run/db"}, {"name": "DB_PASSWORD_FILE", "value": GONE}, None),
        ({"name": "TOKEN_URL", "value": "https://idp/token"}, {"name": "TOKEN_URL", "value": GONE}, None),
        ({"name": "DB_PASSWORD", "value": "$(OTHER)"}, {"name": "DB_PASSWORD", "value": "$(OTHER)"}, None),
        ({"args": ["--token=abc123", "--v=2"]}, {"args": [f"--token={GONE}", "--v=2"]}, "same"),
        ({"args": ["--token=$(TOKEN)"]}, {"args": [f"--token={GONE}"]}, None),
        ({"secretName": "db"}, {"secretName": "db"}, None),
        ({"valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}, None, None),
        ({"annotations": {APPLIED: "{}"}}, {"annotations": {APPLIED: GONE}}, "same"),
        ({"annotations": {"db-password": "x"}}, {"annotations": {"db-password": GONE}}, "same"),
        ({"annotations": {"checksum": CHECKSUM}}, {"annotations": {"checksum": GONE}}, None),
        ({"annotations": {"remediator.io/token": "x"}}, None, None),
        ({"replicas": 3, "paused": None, "automountServiceAccountToken": True}, None, None),
        (
            [{"op": "add", "path": "/spec/x/env/0/value", "value": "v"}],
            [{"op": "add", "path": "/spec/x/env/0/value", "value": GONE}],
            None,
        ),
        (
            [{"op": "add", "path": "/metadata/annotations/a~1password", "value": "v"}],
            [{"op": "add", "path": "/metadata/annotations/a~1password", "value": GONE}],
            "same",
        ),
        ([{"op": "add", "path": "/spec/replicas", "value": 3}], None, None),
    ],
)
def test_what_goes(value, shown, kept):
    """`None`: nothing goes."""
    assert hidden(value) == (value if shown is None else shown)
    assert guarded(value) == (value if kept is None else shown)
    assert bool(holds_secret(value)) is (kept is not None)


def test_where_it_is_is_said():
    pod = {"spec": {"containers": [{"name": "app", "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}]}}
    assert holds_secret(pod) == "spec.containers[app].env[DB_PASSWORD].value"


@pytest.mark.parametrize(
    ("field", "secret"),
    [
        (Field(("spec", "replicas"), 3, 5), False),
        (Field(("env", {"name": "LOG_LEVEL"}, "value"), "info", "debug"), False),
        (Field(("env", {"name": "DB_PASSWORD"}, "value"), "old", "new"), True),
        (Field(("env", {"name": "DB_PASSWORD"}, "value"), UNSET, "new"), True),
        (Field(("metadata", "annotations", "api-key"), "old", UNSET), True),
        (Field(("env",), UNSET, [{"name": "DB_PASSWORD", "value": "x"}]), True),
    ],
)
def test_a_field_that_is_kept_has_no_secret(field, secret):
    kept = without_secrets(field)
    assert kept.secret is secret
    assert (kept.before is UNSET, kept.after is UNSET) == (field.before is UNSET, field.after is UNSET)
    assert (kept == field) is not secret
