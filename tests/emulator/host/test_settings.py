"""host.json and local.settings.json: what is read, what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.host import HostSettingsError
from emulator.host.settings import (
    HostSettings,
    MessageEncoding,
    apply_local_settings,
    parse_time_span,
    read_host_settings,
)


def _read(folder: Path, document: object, environ: dict[str, str] | None = None) -> HostSettings:
    (folder / "host.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return read_host_settings(folder, environ or {})


def _queues(**values: Any) -> dict[str, Any]:
    return {"version": "2.0", "extensions": {"queues": values}}


def test_defaults_are_those_of_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.host.settings.os.cpu_count", lambda: 4)
    settings = _read(tmp_path, {"version": "2.0"})
    queues = settings.queues
    assert settings.route_prefix == "api"
    assert (queues.batch_size, queues.new_batch_threshold, queues.max_dequeue_count) == (16, 32, 5)
    assert queues.visibility_timeout == timedelta(0)
    assert queues.max_polling_interval == timedelta(minutes=1)
    assert queues.message_encoding is MessageEncoding.BASE64


def test_queue_settings_are_read(tmp_path: Path) -> None:
    queues = _read(
        tmp_path,
        _queues(
            batchSize=8,
            newBatchThreshold=3,
            maxDequeueCount=7,
            visibilityTimeout="00:00:30",
            maxPollingInterval="00:00:02",
            messageEncoding="none",
        ),
    ).queues
    assert (queues.batch_size, queues.new_batch_threshold, queues.max_dequeue_count) == (8, 3, 7)
    assert queues.visibility_timeout == timedelta(seconds=30)
    assert queues.max_polling_interval == timedelta(seconds=2)
    assert queues.message_encoding is MessageEncoding.NONE


def test_scaled_settings_have_shorter_waits_down_to_what_the_host_allows(tmp_path: Path) -> None:
    queues = _read(tmp_path, _queues(visibilityTimeout="00:00:30", maxPollingInterval="00:00:05", batchSize=3)).queues
    tenth = queues.scaled(0.1)
    assert (tenth.visibility_timeout, tenth.max_polling_interval) == (timedelta(seconds=3), timedelta(seconds=0.5))
    assert queues.scaled(0.001).max_polling_interval == timedelta(milliseconds=100)
    assert (tenth.batch_size, queues.scaled(1)) == (3, queues)


def test_the_threshold_follows_the_batch_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.host.settings.os.cpu_count", lambda: 2)
    assert _read(tmp_path, _queues(batchSize=10)).queues.new_batch_threshold == 10


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "not valid JSON"),
        ([], "must be an object"),
        ({}, 'must be the string "2.0"'),
        ({"version": 2.0}, 'must be the string "2.0"'),
        ({"version": "2.0", "queues": {}}, "unknown to this host: queues"),
        ({"version": "2.0", "extensions": {"eventGrid": {}}}, "extensions.eventGrid"),
        ({"version": "2.0", "extensions": {"http": {"prefix": ""}}}, "extensions.http.prefix"),
        (_queues(batchsize=1), "extensions.queues.batchsize"),
        (_queues(batchSize=0), "between 1 and 32"),
        (_queues(batchSize=33), "between 1 and 32"),
        (_queues(batchSize=True), "not an integer"),
        (_queues(maxDequeueCount=0), "at least 1"),
        (_queues(newBatchThreshold=-1), "at least 0"),
        (_queues(visibilityTimeout="30"), "not a time span"),
        (_queues(maxPollingInterval="00:00:00.05"), "less than 100 ms"),
        (_queues(messageEncoding="utf8"), "neither base64 nor none"),
        ({"version": "2.0", "functionTimeout": "5 minutes"}, "functionTimeout"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_key(tmp_path: Path, document: object, message: str) -> None:
    with pytest.raises(HostSettingsError, match=message):
        _read(tmp_path, document)


def test_a_folder_without_host_json_is_no_app(tmp_path: Path) -> None:
    with pytest.raises(HostSettingsError, match=r"no host\.json"):
        read_host_settings(tmp_path, {})


def test_the_environment_overrides_host_json_whatever_its_casing(tmp_path: Path) -> None:
    environ = {
        "AzureFunctionsJobHost__extensions__queues__batchSize": "4",
        "AZUREFUNCTIONSJOBHOST__EXTENSIONS__HTTP__ROUTEPREFIX": "v1",
    }
    settings = _read(tmp_path, _queues(batchSize=8), environ)
    assert (settings.queues.batch_size, settings.route_prefix) == (4, "v1")


def test_an_override_is_checked_like_the_file(tmp_path: Path) -> None:
    with pytest.raises(HostSettingsError, match=r"extensions\.queues\.size"):
        _read(tmp_path, {"version": "2.0"}, {"AzureFunctionsJobHost__extensions__queues__size": "4"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:02", timedelta(seconds=2)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.2500000", timedelta(milliseconds=250)),
    ],
)
def test_time_spans(text: str, expected: timedelta) -> None:
    assert parse_time_span(text, "key") == expected


@pytest.mark.parametrize("text", ["5", "24:00:00", "00:60:00", "00:00", "-00:00:01"])
def test_what_is_no_time_span(text: str) -> None:
    with pytest.raises(HostSettingsError, match="key"):
        parse_time_span(text, "key")


def test_local_settings_fill_in_and_the_environment_wins(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text('{"IsEncrypted": false, "Values": {"A": "file", "B": "file"}}')
    environ = {"A": "environment"}
    apply_local_settings(path, environ)
    assert environ == {"A": "environment", "B": "file"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "an object with an object 'Values'"),
        ('{"Values": {"A": 1}}', r"Values\.A must be a string"),
        ('{"IsEncrypted": true, "Values": {}}', "encrypted"),
    ],
)
def test_local_settings_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text(text)
    with pytest.raises(HostSettingsError, match=message):
        apply_local_settings(path, {})
