"""Secrets in text of unknown origin: planted canaries must not come through, and what is no secret should."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediator.core.scrub import GONE, scrub, scrubbed

CANARY = "CANARYcanary0123456789"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA{0}\n{0}\n-----END RSA PRIVATE KEY-----"

PLANTED = {
    "assignment": "password={0}",
    "assignment in capitals": "DB_PASSWORD={0}",
    "quoted with blanks": 'password: "a {0} b"',
    "single quotes": "secret='{0}'",
    "json": '{{"apiKey": "{0}"}}',
    "json inside of json": r"{{\"token\":\"{0}\"}}",
    "yaml": "clientSecret: {0}",
    "go struct": "Config{{User:app Password:{0}}}",
    "ruby hash": '"password"=>"{0}"',
    "command line": "psql --password {0} -h db",
    "command line with =": "app --api-key={0}",
    "a sentence": "the password is {0}",
    "url": "postgres://app:{0}@db:5432/shop",
    "url with slashes in the password": "amqp://app:{0}/x@mq//",
    "url without a name": "redis://:{0}@cache",
    "url with a token": "https://{0}@github.com/org/repo",
    "authorization header": "Authorization: Bearer {0}",
    "authorization in json": '{{"authorization": ["Basic {0}"]}}',
    "cookie": "Set-Cookie: session={0}; HttpOnly",
    "api key header": "X-Api-Key: {0}",
    "bearer in a sentence": "sent bearer {0} to the server",
    "basic": "Basic {0}==",
    "signed url": "https://s3.example.org/x?X-Amz-Signature={0}&y=1",
    "azure": "AccountKey={0}==;EndpointSuffix=core",
    "connection string": "Server=db;Pwd={0};",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.{0}.{0}",
    "aws key id": "AKIAIOSFODNN7CANARYC",
    "aws secret": "aws_secret_access_key = {0}",
    "google": "AIzaSy{0}{0}",
    "google token": "ya29.{0}",
    "github": "ghp_{0}{0}",
    "github fine-grained": "github_pat_{0}_{0}",
    "gitlab": "glpat-{0}",
    "slack": "xoxb-1234-{0}",
    "slack webhook": "https://hooks.slack.com/services/T0/B0/{0}",
    "stripe": "sk_live_{0}",
    "vault": "hvs.{0}{0}",
    "pem": KEY,
    "end of a pem": "{0}\n{0}==\n-----END PRIVATE KEY-----\nlater",
    "beginning of a pem": "-----BEGIN OPENSSH PRIVATE KEY-----\n{0}\n{0}",
    "a line of a key": "  {0}{0}{0}",
    "colours inside of the name": "pass\x1b[31mword={0}",
    "nothing visible inside of the name": "pass\u200bword={0}",
    "terminal title": "\x1b]0;x\x07token={0}",
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_does_not_come_through(what):
    said = scrub(f"before {PLANTED[what].format(CANARY)}\nafter")
    assert CANARY not in said
    assert "AKIAIOSFODNN7" not in said
    assert GONE in said
    assert "after" in said or "beginning" in what


def test_a_secret_in_base64_is_found_by_its_length():
    hidden = base64.b64encode(f"password={CANARY}{CANARY}".encode()).decode()
    assert hidden not in scrub(f"data: {hidden}")


@pytest.mark.parametrize(
    "text",
    [
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "dial tcp 10.96.0.1:443: connect: connection refused",
        "Basic authentication failed for user app",
        "token expired at 12:00",
        "GET http://api.shop.svc:8080/orders?page=2 500",
        "image registry.example.org/shop/web:v1.2.3@sha256:" + "ab" * 32,
        'File "/usr/lib/python3.11/site-packages/shop/orders/repository/sql_repository.py", line 12',
        "at com.example.orders.infrastructure.persistence.HibernateOrderRepository.find(Repository.java:80)",
        "Back-off restarting failed container app in pod web-7d9c6d5b8-x_shop(0d9f0c4e-5c0e-4f1b-9a1e-0d6d1f6f1a11)",
    ],
)
def test_what_is_no_secret_stays(text):
    assert scrub(text) == text


@given(st.text())
def test_any_text_comes_back_without_control_characters(text):
    assert all(char.isprintable() or char in "\n\t" for char in scrub(text))


def test_every_text_of_an_object_is_scrubbed_and_its_keys_stay():
    found = scrubbed({"password": ["password=x", {"a": "token: y"}], "n": 1, "none": None})
    assert found == {"password": [f"password={GONE}", {"a": f"token: {GONE}"}], "n": 1, "none": None}
