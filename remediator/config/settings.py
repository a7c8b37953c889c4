"""The settings file, `remediator.yaml`, as frozen values. Durations are seconds; files are paths that can be opened.

Defaults are the careful ones: observe, on loopback, nobody may operate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from remediator.clients.http_config import Authorization, BasicAuth, Header, HttpConfig, OAuth2, Tls
from remediator.config.problems import ConfigErrors, Problems
from remediator.core.model import Mode, Value
from remediator.core.rules import GuardSettings, Itself, Notices, Policy, Protected, Reach
from remediator.core.windows import TimeInterval

if TYPE_CHECKING:
    from remediator.config.settings_shapes import SettingsShape

__all__ = ["Authorization", "BasicAuth", "Header", "HttpConfig", "OAuth2", "Settings", "Tls", "load_settings"]


def is_shared(url: str) -> bool:
    """Whether a journal's URL names one that several replicas may write to: a database on a server."""
    return url.startswith(("postgresql://", "postgres://"))


class Storage(Value, frozen=True):
    """Where the journal is: `sqlite:///` and an absolute path, or `postgresql://` as libpq takes it with its password
    in a file. `retention` is how long its records are kept, None for ever; `archive` the folder that older ones are
    written to before they go, empty for none.
    """

    url: str = "sqlite:////var/lib/remediator/journal.db"
    password_file: str = ""
    retention: float | None = None
    archive: str = ""

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def journal(self) -> str:
        """The URL by which the journal is opened, with the place of the password."""
        if not self.password_file:
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}password_file={quote(self.password_file)}"


class Operator(Value, frozen=True):
    """Someone who may look or act over HTTP, known by a token. Roles are view, approve and admin."""

    name: str
    token_file: str
    roles: tuple[str, ...]


class KubernetesAuth(Value, frozen=True):
    """Whether bearers of Kubernetes tokens operate, as RBAC allows them. `audiences` of which a token must be for one;
    none: those of the API server.
    """

    enabled: bool = False
    audiences: tuple[str, ...] = ()


class WebAuth(Value, frozen=True):
    """Who may post alerts (either credential does) and who may operate. Empty: the webhook on loopback only."""

    webhook_token_file: str = ""
    webhook_basic_auth: BasicAuth | None = None
    operators: tuple[Operator, ...] = ()
    kubernetes: KubernetesAuth = KubernetesAuth()

    @property
    def has_operators(self) -> bool:
        """Whether anybody is known who may operate."""
        return bool(self.operators) or self.kubernetes.enabled


class WebTls(Value, frozen=True):
    """The own certificate with its key, read again when they change, and the least version of TLS. With
    `client_ca_file` a client must bring a certificate of that CA, whatever token it has.
    """

    cert_file: str
    key_file: str
    min_version: str = "TLS12"
    client_ca_file: str = ""


class Web(Value, frozen=True):
    """The HTTP server; `external_url` is where people reach it.

    `inbox_limit_bytes` are payloads kept and not yet worked off, above which posts get a 503.
    """

    listen: str = "127.0.0.1:8080"
    auth: WebAuth = WebAuth()
    max_request_bytes: int = 16 * 1024 * 1024
    inbox_limit_bytes: int = 256 * 1024 * 1024
    external_url: str = ""
    tls_config: WebTls | None = None

    @property
    def host(self) -> str:
        """The address to listen on; all of them, as with Go programs, where `listen` has a port alone."""
        return self.listen.rpartition(":")[0].strip("[]") or "0.0.0.0"

    @property
    def port(self) -> int:
        """The port to listen on; 0 for any free one."""
        return int(self.listen.rpartition(":")[2])


class PrometheusSource(Value, frozen=True):
    """The Prometheus that queries are asked of, while its clock is at most `max_skew` seconds from ours.

    `confirms_resolves`: alerts are from its rules, which tell whether an alert that is gone is cured.
    """

    url: str
    timeout: float = 10.0
    max_skew: float = 10.0
    confirms_resolves: bool = True
    http_config: HttpConfig = HttpConfig()


class AlertmanagerSource(Value, frozen=True):
    """The Alertmanager, or all of one cluster, asked about its alerts every `interval` with `timeout` each.

    `receiver` is the one of its receivers that posts here; empty: those that have posted since the start.
    """

    url: str = ""
    urls: tuple[str, ...] = ()
    receiver: str = ""
    interval: float = 60.0
    timeout: float = 10.0
    http_config: HttpConfig = HttpConfig()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them."""
        return self.urls or (self.url,)


class KubernetesAccess(Value, frozen=True):
    """A kubeconfig and a context of it; empty: in cluster, else `$KUBECONFIG`. `max_cache_age` is for how long what is
    known of the cluster's objects is relied on; `events` whether Events are written on targets. While a ConfigMap
    `pause_configmap` is in the own namespace, everything is paused; empty: none is looked for.
    """

    kubeconfig: str = ""
    context: str = ""
    max_cache_age: float = 90.0
    events: bool = True
    pause_configmap: str = "remediator-pause"


class LeaderElection(Value, frozen=True):
    """The lease by which one of several replicas decides, in `namespace` (empty: the remediator's own). Others may take
    it `duration` after it was last renewed; who cannot renew it for `renew` stops; it is tried every `retry`.
    `enabled` None: where the journal is one that replicas share.
    """

    enabled: bool | None = None
    lease: str = "remediator"
    namespace: str = ""
    duration: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


class WebhookConfig(Value, frozen=True):
    """An HTTP endpoint that is told; its address is `url` or what is in `url_file`. `timeout` of one attempt."""

    url: str = ""
    url_file: str = ""
    signing_secret_file: str = ""
    timeout: float = 10.0
    send_resolved: bool = True
    http_config: HttpConfig = HttpConfig()


class SlackConfig(Value, frozen=True):
    """A Slack channel: with a bot's token threads, with an incoming webhook's address single messages."""

    channel: str = ""
    app_token_file: str = ""
    app_url: str = "https://slack.com/api/chat.postMessage"
    api_url_file: str = ""
    username: str = ""
    icon_emoji: str = ""
    timeout: float = 10.0
    send_resolved: bool = True
    http_config: HttpConfig = HttpConfig()


class PagerdutyConfig(Value, frozen=True):
    """A service of PagerDuty, by the key of its Events API v2 integration. `severity` empty: that of the label."""

    routing_key_file: str
    url: str = "https://events.pagerduty.com/v2/enqueue"
    severity: str = ""
    client: str = "remediator"
    client_url: str = ""
    timeout: float = 10.0
    send_resolved: bool = True
    http_config: HttpConfig = HttpConfig()


class EmailConfig(Value, frozen=True):
    """Addresses, and the server that takes mail to them. `timeout` of each step of one attempt.

    Whether TLS comes first of all is `force_implicit_tls`; None: on port 465.
    """

    to: str
    from_: str
    smarthost: str
    hello: str = "localhost"
    auth_username: str = ""
    auth_password_file: str = ""
    require_tls: bool = True
    force_implicit_tls: bool | None = None
    tls_config: Tls = Tls()
    send_resolved: bool = True
    timeout: float = 10.0


class Receiver(Value, frozen=True):
    """Whom messages reach, by name: every one of its endpoints is told by itself, and tried for `retry_for` seconds."""

    name: str
    webhook_configs: tuple[WebhookConfig, ...] = ()
    slack_configs: tuple[SlackConfig, ...] = ()
    pagerduty_configs: tuple[PagerdutyConfig, ...] = ()
    email_configs: tuple[EmailConfig, ...] = ()
    retry_for: float = 21_600.0

    @property
    def endpoints(self) -> dict[str, WebhookConfig | SlackConfig | PagerdutyConfig | EmailConfig]:
        """Its endpoints by the name that the journal has for them: `slack-0` is the first of `slack_configs`."""
        lists = {
            "webhook": self.webhook_configs,
            "slack": self.slack_configs,
            "pagerduty": self.pagerduty_configs,
            "email": self.email_configs,
        }
        return {f"{kind}-{place}": each for kind, entries in lists.items() for place, each in enumerate(entries)}


class Log(Value, frozen=True):
    """What is logged (debug, info, warning, error and above) and how (json, text)."""

    level: str = "info"
    format: str = "json"


class Settings(Value, frozen=True):
    """All of one settings file. `file` is its name as it was given; `rule_files` are patterns of paths."""

    file: str = ""
    mode: Mode = Mode.OBSERVE
    rule_files: tuple[str, ...] = ()
    evaluation_interval: float = 30.0
    reload_interval: float = 5.0
    external_labels: dict[str, str] = {}
    storage: Storage = Storage()
    web: Web = Web()
    prometheus: PrometheusSource | None = None
    alertmanager: AlertmanagerSource | None = None
    kubernetes: KubernetesAccess = KubernetesAccess()
    leader_election: LeaderElection = LeaderElection()
    guards: GuardSettings = GuardSettings()
    protected: Protected = Protected()
    receivers: tuple[Receiver, ...] = ()
    notices: Notices = Notices()
    log: Log = Log()
    shutdown_grace: float = 20.0
    time_intervals: dict[str, tuple[TimeInterval, ...]] = {}

    @property
    def elects(self) -> bool:
        """Whether one of several replicas is elected to decide."""
        said = self.leader_election.enabled
        return is_shared(self.storage.url) if said is None else said

    def policy(self, itself: Itself) -> Policy:
        """What of the settings concerns decisions, with the remediator's own place."""
        return Policy(
            self.mode,
            self.guards,
            self.protected,
            itself,
            self.external_labels,
            self.time_intervals,
            {each.name: Reach(tuple(each.endpoints), each.retry_for) for each in self.receivers},
            self.notices,
            self.web.external_url,
        )


def load_settings(path: Path | str) -> Settings:
    """A settings file. Paths in it are relative to it. Raises `ConfigErrors` with every mistake."""
    from remediator.config.document import read_document
    from remediator.config.settings_shapes import SettingsShape
    from remediator.config.shapes import read

    path, problems = Path(path), Problems()
    document = read_document(path, problems)
    shape = read(SettingsShape, document, problems, path.parent) if document else None
    problems.raise_any()
    if shape is None:
        raise ConfigErrors(problems)
    return settings_of(shape, str(path))


def settings_of(shape: SettingsShape, file: str) -> Settings:
    """What was written, with defaults for the rest; `file` is where it stands."""
    import msgspec

    from remediator.config.guard_shapes import guards_of
    from remediator.config.time_interval_shapes import intervals_of

    written = shape.model_dump(exclude_none=True) | {"file": file}
    if shape.guards is not None:
        written["guards"] = guards_of(shape.guards)
    if shape.time_intervals is not None:
        written["time_intervals"] = intervals_of(shape.time_intervals)
    return msgspec.convert(written, Settings)
