"""The settings file: every key comes through, defaults are the careful ones, paths are relative to the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediator.config import Settings, load_settings
from remediator.config.settings import (
    AlertmanagerSource,
    Authorization,
    BasicAuth,
    EmailConfig,
    Header,
    HttpConfig,
    KubernetesAccess,
    LeaderElection,
    Log,
    OAuth2,
    Operator,
    PagerdutyConfig,
    PrometheusSource,
    Receiver,
    SlackConfig,
    Storage,
    Tls,
    Web,
    WebAuth,
    WebhookConfig,
)
from remediator.core.guarding import Budget, GuardSettings, Portion
from remediator.core.model import Mode
from remediator.core.rules import Itself, Notices, Policy, Protected, Reach
from remediator.core.windows import TimeInterval

GOOD = Path(__file__).parents[2] / "data" / "good"
URL = "https://remediator.example.org"


GUARDS = GuardSettings(
    cooldown=600.0,
    budget=Budget(4, 7200.0),
    global_budget=Budget(20, 86400.0),
    global_max_in_flight=5,
    max_unhealthy=Portion(count=2),
    active_time_intervals=(("business-hours", "nights"),),
    mute_time_intervals=("freeze",),
)
PROTECTED = Protected(
    ("monitoring", "kube-system"),
    ("app.kubernetes.io/part-of=monitoring",),
    ("Deployment/monitoring/grafana", "Node/worker-1"),
)
INTERVALS = {
    "business-hours": (
        TimeInterval(times=((540, 1020), (1380, 1440)), weekdays=((1, 5), (0, 0)), location="Europe/Berlin"),
    ),
    "nights": (TimeInterval(times=((1260, 300),)),),
    "freeze": (
        TimeInterval(
            days_of_month=((24, 26), (-1, -1), (31, 31)), months=((12, 12),), years=((2026, 2030), (2035, 2035))
        ),
        TimeInterval(months=((1, 3), (7, 7))),
    ),
}


def settings_of(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "remediator.yaml"
    path.write_text(text)
    return load_settings(path)


def receivers(beside: str) -> tuple[Receiver, ...]:
    oncall = Receiver(
        "oncall",
        (
            WebhookConfig("http://127.0.0.1:9999/page", timeout=3.0),
            WebhookConfig(
                url_file=f"{beside}oncall-url", http_config=HttpConfig(Authorization(f"{beside}oncall-token"))
            ),
            WebhookConfig(
                "https://pager.example/in",
                http_config=HttpConfig(
                    oauth2=OAuth2(
                        "remediator",
                        f"{beside}client-secret",
                        "https://sso.example/token",
                        ("page",),
                        {"audience": "pager"},
                        Tls(f"{beside}sso.pem"),
                        "http://proxy:3128",
                    ),
                    http_headers={
                        "X-Scope-OrgID": Header(("shop", "cart")),
                        "X-Key": Header(files=(f"{beside}pager-key",)),
                    },
                    proxy_url="http://proxy:3128",
                    no_proxy="10.0.0.0/8,.cluster.local",
                    follow_redirects=False,
                ),
            ),
            WebhookConfig(
                "http://127.0.0.1:9999/signed", signing_secret_file=f"{beside}oncall-secret", send_resolved=False
            ),
        ),
        (
            SlackConfig("#oncall", f"{beside}slack-token", username="remediator", icon_emoji=":wrench:", timeout=4.0),
            SlackConfig(api_url_file=f"{beside}slack-url", send_resolved=False),
        ),
        (PagerdutyConfig(f"{beside}pagerduty-key", severity="critical", client="ops", client_url=URL),),
        retry_for=7200.0,
    )
    mail = EmailConfig(
        "Oncall <oncall@example.org>, ops@example.org",
        "remediator@example.org",
        "smtp.example.org:587",
        "remediator.example.org",
        "remediator",
        f"{beside}smtp-password",
        True,
        False,
        Tls(f"{beside}ca.pem"),
    )
    return oncall, Receiver("mail", email_configs=(mail,))


def test_every_key_comes_through():
    beside = str(GOOD) + "/"
    assert load_settings(GOOD / "remediator.yaml") == Settings(
        file=f"{GOOD}/remediator.yaml",
        mode=Mode.ENFORCE,
        rule_files=(f"{beside}rules.yaml",),
        evaluation_interval=15.0,
        external_labels={"cluster": "prod-1"},
        storage=Storage("sqlite:////var/lib/remediator/journal.db", "", 400 * 86400.0, f"{beside}archive"),
        web=Web(
            "0.0.0.0:8080",
            WebAuth(
                f"{beside}webhook-token",
                BasicAuth("alertmanager", f"{beside}webhook-password"),
                (Operator("alice", f"{beside}alice-token", ("view", "approve", "admin")),),
            ),
            1048576,
            10485760,
            URL,
        ),
        prometheus=PrometheusSource(
            "http://prometheus:9090",
            5.0,
            20.0,
            False,
            HttpConfig(
                basic_auth=BasicAuth("", f"{beside}prometheus-password", f"{beside}prometheus-user"),
                tls_config=Tls(
                    f"{beside}ca.pem", f"{beside}cert.pem", f"{beside}key.pem", "prom", False, "TLS12", "TLS13"
                ),
                proxy_from_environment=True,
            ),
        ),
        alertmanager=AlertmanagerSource(
            "",
            ("http://alertmanager-0:9093/am", "http://alertmanager-1:9093/am"),
            "remediator",
            30.0,
            3.0,
            HttpConfig(Authorization("/run/alertmanager-token")),
        ),
        kubernetes=KubernetesAccess(f"{beside}kubeconfig", "kind"),
        leader_election=LeaderElection(False, "remediator", "ops", 15.0, 10.0, 2.0),
        guards=GUARDS,
        protected=PROTECTED,
        receivers=receivers(beside),
        notices=Notices("mail", ("opened", "approval", "gitops")),
        log=Log("debug", "text"),
        shutdown_grace=10.0,
        time_intervals=INTERVALS,
    )


def test_defaults_are_the_careful_ones(tmp_path):
    settings = settings_of(tmp_path, "{}")
    assert settings == Settings(file=str(tmp_path / "remediator.yaml"))
    assert settings.mode is Mode.OBSERVE
    assert settings.web.host == "127.0.0.1"
    assert not settings.web.auth.operators
    assert settings.protected.namespaces == ("kube-system",)
    assert settings.storage.retention is None


@pytest.mark.parametrize("written", ["[]", "[monitoring]", "[kube-system, monitoring]"])
def test_kube_system_stays_protected_whatever_is_written(tmp_path, written):
    assert "kube-system" in settings_of(tmp_path, f"protected: {{namespaces: {written}}}").protected.namespaces


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        (":9000", "0.0.0.0", 9000),
        ("[::1]:80", "::1", 80),
        ("localhost:0", "localhost", 0),
    ],
)
def test_an_address_to_listen_on_has_a_host_and_a_port(tmp_path, listen, host, port):
    web = settings_of(tmp_path, f"web: {{listen: '{listen}'}}").web
    assert (web.host, web.port) == (host, port)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/lib/remediator/journal.db", "/var/lib/remediator/journal.db"),
        ("sqlite:////var/lib/remediator/journal.db", "/var/lib/remediator/journal.db"),
        ("sqlite:///./journal.db", "{beside}/journal.db"),
    ],
)
def test_a_journal_path_is_absolute_or_says_that_it_is_not(tmp_path, url, path):
    storage = settings_of(tmp_path, f"storage: {{url: '{url}'}}").storage
    assert str(storage.path) == path.format(beside=tmp_path)
    assert storage.url == f"sqlite:///{storage.path}"


def test_the_policy_is_what_concerns_decisions(tmp_path):
    itself = Itself("ops", "remediator-0")
    policy = load_settings(GOOD / "remediator.yaml").policy(itself)
    assert policy == Policy(
        Mode.ENFORCE,
        GUARDS,
        PROTECTED,
        itself,
        {"cluster": "prod-1"},
        INTERVALS,
        {
            "oncall": Reach(
                ("webhook-0", "webhook-1", "webhook-2", "webhook-3", "slack-0", "slack-1", "pagerduty-0"), 7200.0
            ),
            "mail": Reach(("email-0",)),
        },
        Notices("mail", ("opened", "approval", "gitops")),
        URL,
    )


def test_two_documents_do_not_share_what_they_list(tmp_path):
    first = settings_of(tmp_path, "protected: {namespaces: [a]}")
    second = settings_of(tmp_path, "protected: {selectors: [a=b]}")
    assert first.protected.namespaces == ("a", "kube-system")
    assert second.protected.namespaces == ("kube-system",)


def test_nothing_slow_is_imported_before_a_file_is_read(python):
    slow = python("import sys, remediator.config; print({'pydantic', 'yaml', 'google.protobuf'} & set(sys.modules))")
    assert slow == "set()"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("times: [{start_time: 09:00, end_time: 17:00}]", TimeInterval(times=((540, 1020),))),
        ("times: [{start_time: '00:00', end_time: '24:00'}]", TimeInterval(times=((0, 1440),))),
        ("weekdays: ['Monday:Friday']", TimeInterval(weekdays=((1, 5),))),
        ("days_of_month: ['1:-1']", TimeInterval(days_of_month=((1, -1),))),
        ("days_of_month: ['-3:-1', 15]", TimeInterval(days_of_month=((-3, -1), (15, 15)))),
        ("months: [january, '4:6', July]", TimeInterval(months=((1, 1), (4, 6), (7, 7)))),
        ("years: [2026, '2030:2032']", TimeInterval(years=((2026, 2026), (2030, 2032)))),
        ("location: Asia/Kathmandu", TimeInterval(location="Asia/Kathmandu")),
    ],
)
def test_time_intervals_are_written_as_in_alertmanager(tmp_path, written, read):
    settings = settings_of(tmp_path, f"time_intervals: [{{name: t, time_intervals: [{{{written}}}]}}]")
    assert settings.time_intervals == {"t": (read,)}
