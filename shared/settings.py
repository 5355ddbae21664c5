"""Settings: read once, checked as a whole, and all problems reported together. Only bootstrap imports this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from shared.domain.arm_id import is_subscription
from shared.domain.clouds import CLOSED_CLOUDS, CLOUDS, CUSTOM

STORAGE: Final = "KvGuardStorage"
FINDINGS: Final = "KvGuardFindings"
_KNOWN: Final = frozenset(
    {
        "KVGUARD_ROLE",
        "KVGUARD_SUBSCRIPTIONS",
        "KVGUARD_TENANT",
        "KVGUARD_POLICY",
        "KVGUARD_MODE",
        "KVGUARD_EXECUTOR",
        "KVGUARD_CLOUD",
        "KVGUARD_ARM_ENDPOINT",
        "KVGUARD_REVIEW_URL",
        "KVGUARD_TEAMS_WEBHOOK",
        "KVGUARD_HEALTH_KEY",
    }
)
_SHORTEST_KEY: Final = 32
_NOT_IN_URLS: Final = frozenset('\\"<>^`{|}\x7f')
_RUNS_IN_AZURE: Final = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME")


class Role(Enum):
    """Which functions an app registers."""

    GUARD = "guard"
    REVIEW = "review"
    ALL = "all"


class SettingsError(Exception):
    """The settings cannot be used. ``problems`` are sentences, one per setting that is wrong or missing."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("kvguard cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked settings of one app.

    ``cloud`` is a name of ``shared.domain.clouds`` or ``custom``, then with ``arm_endpoint`` (https). ``values`` are
    the raw settings that storage connections are resolved from; they may hold secrets and are never shown.
    ``health_key`` is what ``GET health`` gives details for, empty for never.
    """

    role: Role
    subscriptions: frozenset[str]
    tenant: str
    enforce: bool
    policy: str
    cloud: str
    arm_endpoint: str
    client_id: str
    values: Mapping[str, str]
    health_key: str = ""

    def __repr__(self) -> str:
        return f"Settings(role={self.role.value}, mode={self.mode}, cloud={self.cloud})"

    @property
    def mode(self) -> str:
        """``observe`` or ``enforce``."""
        return "enforce" if self.enforce else "observe"


@dataclass(frozen=True, slots=True)
class TerminalSettings:
    """What commands at a terminal need, none of it required: they run without an app around them."""

    subscriptions: frozenset[str]
    policy: str
    cloud: str
    arm_endpoint: str


def load_terminal(environment: Mapping[str, str]) -> TerminalSettings:
    """Check what is set. Raises SettingsError with everything that is wrong."""
    problems: list[str] = []
    cloud, endpoint = _cloud(environment, problems)
    listed = environment.get("KVGUARD_SUBSCRIPTIONS", "").strip()
    subscriptions = _subscriptions(environment, problems) if listed else frozenset()
    if problems:
        raise SettingsError(problems)
    return TerminalSettings(subscriptions, environment.get("KVGUARD_POLICY", "").strip(), cloud, endpoint)


def load(environment: Mapping[str, str]) -> Settings:
    """Check the environment. Raises SettingsError with everything that is wrong, never just the first.

    The storage connections are for bootstrap to resolve, by the rules of Functions.
    """
    problems: list[str] = [
        f"{name} is not a setting of kvguard"
        for name in sorted(environment)
        if name.startswith("KVGUARD_") and name not in _KNOWN
    ]
    role = _role(environment, problems)
    subscriptions = _subscriptions(environment, problems)
    tenant = environment.get("KVGUARD_TENANT", "").strip()
    if not is_subscription(tenant):
        problems.append("KVGUARD_TENANT must be the id of the Microsoft Entra tenant, a GUID")
    mode = _one_of(environment, "KVGUARD_MODE", ("observe", "enforce"), problems)
    _one_of(environment, "KVGUARD_EXECUTOR", ("off", "on"), problems)
    cloud, endpoint = _cloud(environment, problems)
    _https(environment, "KVGUARD_REVIEW_URL", problems)
    _https(environment, "KVGUARD_TEAMS_WEBHOOK", problems)
    health_key = environment.get("KVGUARD_HEALTH_KEY", "").strip()
    if health_key and len(health_key) < _SHORTEST_KEY:
        problems.append(f"KVGUARD_HEALTH_KEY must have at least {_SHORTEST_KEY} characters, or be left out")
    if problems:
        raise SettingsError(problems)
    return Settings(
        role=role,
        subscriptions=subscriptions,
        tenant=tenant.lower(),
        enforce=mode == "enforce",
        policy=environment.get("KVGUARD_POLICY", "").strip(),
        cloud=cloud,
        arm_endpoint=endpoint,
        client_id=environment.get("AZURE_CLIENT_ID", "").strip(),
        health_key=health_key,
        values=dict(environment),
    )


def _role(environment: Mapping[str, str], problems: list[str]) -> Role:
    text = environment.get("KVGUARD_ROLE", "").strip()
    if text not in {role.value for role in Role}:
        problems.append("KVGUARD_ROLE must be guard, review or all")
        return Role.GUARD
    role = Role(text)
    if role is Role.ALL and any(environment.get(name) for name in _RUNS_IN_AZURE):
        problems.append("KVGUARD_ROLE all is for a local run; in Azure the guard and the review app are apart")
    if role is Role.REVIEW:
        problems.append("KVGUARD_ROLE review: this release has no review app yet")
    return role


def _subscriptions(environment: Mapping[str, str], problems: list[str]) -> frozenset[str]:
    entries = [part for part in re.split(r"[,;\s]+", environment.get("KVGUARD_SUBSCRIPTIONS", "")) if part]
    if not entries:
        problems.append("KVGUARD_SUBSCRIPTIONS is missing: subscription ids, separated by commas")
    problems.extend(
        f"KVGUARD_SUBSCRIPTIONS: {entry[:60]!r} is not a subscription id"
        for entry in entries
        if not is_subscription(entry)
    )
    return frozenset(entry.lower() for entry in entries)


def _one_of(environment: Mapping[str, str], name: str, allowed: tuple[str, ...], problems: list[str]) -> str:
    """The value of a switch; the first allowed value when it is not set."""
    text = environment.get(name, "").strip() or allowed[0]
    if text not in allowed:
        problems.append(f"{name} must be {' or '.join(allowed)}, not {text[:40]!r}")
    return text


def _cloud(environment: Mapping[str, str], problems: list[str]) -> tuple[str, str]:
    name = environment.get("KVGUARD_CLOUD", "").strip() or "AzureCloud"
    endpoint = _https(environment, "KVGUARD_ARM_ENDPOINT", problems)
    if name in CLOSED_CLOUDS:
        problems.append(f"KVGUARD_CLOUD: {CLOSED_CLOUDS[name]}")
    elif name == CUSTOM:
        if not endpoint:
            problems.append("KVGUARD_CLOUD custom needs KVGUARD_ARM_ENDPOINT")
        elif "//" in endpoint and set(endpoint.split("//", 1)[1]) & set("/?#"):
            problems.append("KVGUARD_ARM_ENDPOINT must be https, host and port without a path")
    elif name not in CLOUDS:
        problems.append(f"KVGUARD_CLOUD must be {', '.join(sorted(CLOUDS))} or {CUSTOM}")
    elif endpoint and endpoint != CLOUDS[name].arm_endpoint:
        problems.append(f"KVGUARD_ARM_ENDPOINT is not the endpoint of {name}; another one needs KVGUARD_CLOUD custom")
    return name, endpoint


def _https(environment: Mapping[str, str], name: str, problems: list[str]) -> str:
    text = environment.get(name, "").strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and bool(parts.hostname) and not (parts.username or parts.password)
        usable = usable and not any(character <= " " or character in _NOT_IN_URLS for character in text)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        problems.append(f"{name} must be an https URL without user name or password")
    return text
