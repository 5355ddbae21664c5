"""The files that Azure reads and no compiler checks: host.json, .funcignore, settings, requirements."""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.requirements import FILES

ROOT = Path(__file__).resolve().parent.parent

# The host ignores a key that it does not know without a word.
# https://learn.microsoft.com/azure/azure-functions/functions-host-json
KNOWN_HOST_KEYS: dict[str, Any] = {
    "version": str,
    "functionTimeout": str,
    "extensionBundle": {"id": str, "version": str},
    "extensions": {
        "http": {
            "routePrefix": str,
            "maxOutstandingRequests": int,
            "maxConcurrentRequests": int,
            "dynamicThrottlesEnabled": bool,
            "hsts": dict,
            "customHeaders": dict,
        },
        "queues": {
            "batchSize": int,
            "newBatchThreshold": int,
            "maxDequeueCount": int,
            "visibilityTimeout": str,
            "maxPollingInterval": str,
            "messageEncoding": str,
        },
    },
    "logging": {
        "fileLoggingMode": str,
        "logLevel": dict,
        "console": dict,
        "applicationInsights": {
            "samplingSettings": {
                "isEnabled": bool,
                "maxTelemetryItemsPerSecond": int,
                "excludedTypes": str,
                "includedTypes": str,
            },
            "enableLiveMetrics": bool,
            "enablePerformanceCountersCollection": bool,
        },
    },
    "concurrency": {"dynamicConcurrencyEnabled": bool, "snapshotPersistenceEnabled": bool},
    "retry": dict,
    "singleton": dict,
    "healthMonitor": dict,
    "watchDirectories": list,
    "watchFiles": list,
    "functions": list,
    "aggregator": dict,
}
TIME_SPAN = re.compile(r"\d\d:\d\d:\d\d")


def load(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def unknown_keys(given: dict[str, Any], known: dict[str, Any], path: str = "") -> Iterator[str]:
    """Keys (dotted) of a host.json that the host does not know, or whose values have the wrong type."""
    for key, value in given.items():
        expected = known.get(key)
        if isinstance(expected, dict) and isinstance(value, dict):
            yield from unknown_keys(value, expected, f"{path}{key}.")
        elif not isinstance(expected, type) or not isinstance(value, expected):
            yield f"{path}{key}"


def test_host_json_holds_keys_that_the_host_knows() -> None:
    assert list(unknown_keys(load("host.json"), KNOWN_HOST_KEYS)) == []


def test_a_misspelt_or_mistyped_key_of_host_json_is_found() -> None:
    given = {"version": 2.0, "queues": {}, "extensions": {"queues": {"batchsize": 1, "maxDequeueCount": "5"}}}

    assert list(unknown_keys(given, KNOWN_HOST_KEYS)) == [
        "version",
        "queues",
        "extensions.queues.batchsize",
        "extensions.queues.maxDequeueCount",
    ]


def test_the_queue_settings_are_within_the_limits_of_the_host() -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue
    host = load("host.json")
    queues = host["extensions"]["queues"]

    assert host["version"] == "2.0"
    assert 1 <= queues["batchSize"] <= 32
    assert queues["newBatchThreshold"] >= 1
    assert queues["maxDequeueCount"] >= 1
    assert queues["messageEncoding"] == "base64"
    for span in (queues["visibilityTimeout"], queues["maxPollingInterval"], host["functionTimeout"]):
        assert TIME_SPAN.fullmatch(span), span
    # Zero would spend every attempt in one moment, https://github.com/Azure/azure-functions-host/issues/2050
    assert queues["visibilityTimeout"] > "00:00:00"
    assert "Request" in host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"]


def is_ignored(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def ignore_patterns() -> list[str]:
    lines = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_deployed_package_is_the_app_and_nothing_else() -> None:
    patterns = ignore_patterns()

    deployed = {entry.name for entry in ROOT.iterdir() if not is_ignored(entry.name, patterns)}

    assert deployed <= {
        "LICENSE",
        "function_app.py",
        "functions",
        "host.json",
        "policy.yaml",
        "requirements.txt",
        "shared",
    }
    assert {"functions", "host.json", "requirements.txt", "shared"} <= deployed


def test_no_file_of_the_app_is_left_out_of_the_package() -> None:
    patterns = [pattern for pattern in ignore_patterns() if pattern not in {"*.md", "__pycache__"}]

    left_out = [
        path.relative_to(ROOT)
        for package in ("functions", "shared")
        for path in (ROOT / package).rglob("*")
        if is_ignored(path.name, patterns)
    ]

    assert left_out == []


def test_the_sample_settings_are_strings_without_a_secret() -> None:
    sample = load("local.settings.sample.json")

    assert sample["IsEncrypted"] is False
    assert all(isinstance(value, str) for value in sample["Values"].values())
    assert not any("AccountKey" in value or "sig=" in value for value in sample["Values"].values())
    storage = {name for name, value in sample["Values"].items() if value == "UseDevelopmentStorage=true"}
    assert storage == {"AzureWebJobsStorage", "KvGuardStorage", "KvGuardReviewStorage", "KvGuardFindings"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_requirement_file_names_hashes_but_no_index_and_no_path(file: Any) -> None:
    text = (ROOT / file.name).read_text(encoding="utf-8")

    assert "--hash=sha256:" in text
    assert "make requirements" in text.splitlines()[1]
    for trace in ("://", "--index", "--find-links", "file:", str(ROOT), f"{Path.home()}/"):
        assert trace not in text


def pinned(name: str) -> set[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {match.lower() for match in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def test_every_dependency_is_pinned_and_the_deployed_file_holds_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    def names(group: list[Any]) -> set[str]:
        return {re.split(r"[>=<;\[ ]", one)[0].lower() for one in group if isinstance(one, str)}

    runtime = names(project["project"]["dependencies"])
    groups = {name: names(group) for name, group in project["dependency-groups"].items()}

    assert runtime <= pinned("requirements.txt")
    assert runtime | groups["dev"] | groups["emulator"] <= pinned("requirements-dev.txt")
    assert runtime | groups["dev"] | groups["worker"] <= pinned("requirements-worker.txt")
    assert (groups["dev"] - runtime) & pinned("requirements.txt") == set()


def test_no_lock_file_names_a_registry() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")
