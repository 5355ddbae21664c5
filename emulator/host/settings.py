"""host.json, its overrides in the environment, and local.settings.json.

Azure ignores an unknown key of host.json without a word, so a typing mistake keeps the default for ever. This
host refuses it. Reference: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any


class HostSettingsError(ValueError):
    """host.json or local.settings.json cannot be used; the text says which key and why."""


class MessageEncoding(Enum):
    """How queue messages are written and read. A producer must agree with it."""

    BASE64 = "base64"
    NONE = "none"


def _default_new_batch_threshold(batch_size: int) -> int:
    return batch_size // 2 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class QueueSettings:
    """`extensions.queues` with the defaults of the storage extension (azure-sdk-for-net, QueuesOptions.cs).

    `visibility_timeout` is the wait after a failed attempt only; while a function runs, its message is hidden
    for ten minutes whatever is set here.
    """

    batch_size: int = 16
    new_batch_threshold: int = field(default_factory=lambda: _default_new_batch_threshold(16))
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta(0)
    max_polling_interval: timedelta = timedelta(minutes=1)
    message_encoding: MessageEncoding = MessageEncoding.BASE64

    def scaled(self, scale: float) -> QueueSettings:
        """The same with shorter waits. Polling is never more frequent than every 100 ms, as in Azure."""
        return replace(
            self,
            visibility_timeout=self.visibility_timeout * scale,
            max_polling_interval=max(self.max_polling_interval * scale, _LEAST_POLLING),
        )


@dataclass(frozen=True)
class HostSettings:
    """What this host takes from host.json."""

    route_prefix: str = "api"
    queues: QueueSettings = field(default_factory=QueueSettings)
    log_level: str = "Information"


_TOP_LEVEL = frozenset(
    {
        "$schema", "version", "functionTimeout", "retry", "functions", "http", "watchDirectories",
        "watchFiles", "singleton", "logging", "aggregator", "healthMonitor", "extensionBundle",
        "managedDependencies", "customHandler", "extensions", "concurrency", "telemetryMode",
    }
)  # fmt: skip
_HTTP = frozenset(
    {
        "routePrefix", "maxOutstandingRequests", "maxConcurrentRequests", "dynamicThrottlesEnabled", "hsts",
        "customHeaders",
    }
)  # fmt: skip
_QUEUES = frozenset(
    {
        "batchSize", "newBatchThreshold", "maxDequeueCount", "visibilityTimeout", "maxPollingInterval",
        "messageEncoding",
    }
)  # fmt: skip
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_LEAST_POLLING = timedelta(milliseconds=100)
_OVERRIDE_PREFIX = "azurefunctionsjobhost__"


def parse_time_span(text: str, key: str) -> timedelta:
    """`[d.]hh:mm:ss[.fffffff]`. A bare number is refused: .NET reads "5" as five days."""
    match = _TIME_SPAN.fullmatch(text)
    if match is None:
        raise HostSettingsError(f"{key}: '{text}' is not a time span of the form hh:mm:ss")
    days, hours, minutes, seconds, fraction = match.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise HostSettingsError(f"{key}: '{text}' is out of range")
    microseconds = int((fraction or "0").ljust(7, "0")) // 10
    return timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=microseconds,
    )


def read_host_settings(app_dir: Path, environ: Mapping[str, str]) -> HostSettings:
    """Read `app_dir`/host.json and the `AzureFunctionsJobHost__` overrides in `environ`.

    Raises `HostSettingsError` for a missing file, bad JSON, another version than "2.0", an unknown key, or a
    value out of range.
    """
    path = app_dir / "host.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HostSettingsError(f"{path}: there is no host.json, so this is not the folder of a function app") from None
    except ValueError as error:
        raise HostSettingsError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise HostSettingsError(f"{path}: the document must be an object")
    _apply_overrides(document, environ)
    if document.get("version") != "2.0":
        raise HostSettingsError(f'{path}: version must be the string "2.0", not {document.get("version")!r}')
    _refuse_unknown(document, _TOP_LEVEL, "")
    if "functionTimeout" in document and document["functionTimeout"] != "-1":
        parse_time_span(str(document["functionTimeout"]), "functionTimeout")
    extensions = _section(document, "extensions", "extensions")
    _refuse_unknown(extensions, frozenset({"http", "queues"}), "extensions.")
    http = _section(extensions, "http", "extensions.http")
    _refuse_unknown(http, _HTTP, "extensions.http.")
    queues = _section(extensions, "queues", "extensions.queues")
    _refuse_unknown(queues, _QUEUES, "extensions.queues.")
    return HostSettings(
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        queues=_queue_settings(queues),
        log_level=_log_level(document),
    )


def apply_local_settings(path: Path, environ: MutableMapping[str, str]) -> None:
    """Put the `Values` of a local.settings.json into `environ`. A variable that is already set wins, as in
    Core Tools.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HostSettingsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Values", {}), dict):
        raise HostSettingsError(f"{path}: expected an object with an object 'Values'")
    if document.get("IsEncrypted", False):
        raise HostSettingsError(f"{path}: encrypted settings can be read by Core Tools only")
    for name, value in document.get("Values", {}).items():
        if not isinstance(value, str):
            raise HostSettingsError(f"{path}: Values.{name} must be a string")
        environ.setdefault(name, value)


def _section(parent: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise HostSettingsError(f"host.json: {name} must be an object")
    return value


def _refuse_unknown(section: Mapping[str, Any], known: frozenset[str], prefix: str) -> None:
    unknown = sorted(set(section) - known)
    if unknown:
        names = ", ".join(prefix + name for name in unknown)
        raise HostSettingsError(f"host.json: unknown to this host: {names}. Azure would ignore it silently")


def _apply_overrides(document: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, value in environ.items():
        if not name.lower().startswith(_OVERRIDE_PREFIX):
            continue
        target = document
        *parents, last = name[len(_OVERRIDE_PREFIX) :].split("__")
        for parent in parents:
            key = _existing_key(target, parent)
            if not isinstance(target.get(key), dict):
                target[key] = {}
            target = target[key]
        target[_existing_key(target, last)] = value


def _existing_key(section: Mapping[str, Any], key: str) -> str:
    known = {*section, *_TOP_LEVEL, *_HTTP, *_QUEUES, "http", "queues"}
    return next((candidate for candidate in known if candidate.lower() == key.lower()), key)


def _queue_settings(section: Mapping[str, Any]) -> QueueSettings:
    batch_size = _integer(section, "batchSize", 16, low=1, high=32)
    encoding = str(section.get("messageEncoding", "base64")).lower()
    if encoding not in {member.value for member in MessageEncoding}:
        raise HostSettingsError(f"extensions.queues.messageEncoding: '{encoding}' is neither base64 nor none")
    settings = QueueSettings(
        batch_size=batch_size,
        new_batch_threshold=_integer(section, "newBatchThreshold", _default_new_batch_threshold(batch_size), low=0),
        max_dequeue_count=_integer(section, "maxDequeueCount", 5, low=1),
        visibility_timeout=_time_span(section, "visibilityTimeout", timedelta(0)),
        max_polling_interval=_time_span(section, "maxPollingInterval", timedelta(minutes=1)),
        message_encoding=MessageEncoding(encoding),
    )
    if settings.max_polling_interval < _LEAST_POLLING:
        raise HostSettingsError("extensions.queues.maxPollingInterval: less than 100 ms")
    return settings


def _integer(section: Mapping[str, Any], key: str, default: int, *, low: int, high: int | None = None) -> int:
    value = section.get(key, default)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise HostSettingsError(f"extensions.queues.{key}: {value!r} is not an integer")
    if value < low or (high is not None and value > high):
        limit = f"between {low} and {high}" if high is not None else f"at least {low}"
        raise HostSettingsError(f"extensions.queues.{key}: {value} must be {limit}")
    return value


def _time_span(section: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
    value = section.get(key)
    return default if value is None else parse_time_span(str(value), f"extensions.queues.{key}")


def _log_level(document: Mapping[str, Any]) -> str:
    levels = _section(_section(document, "logging", "logging"), "logLevel", "logging.logLevel")
    return str(levels.get("default", "Information"))
