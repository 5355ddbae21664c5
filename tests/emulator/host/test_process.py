"""The host as a process: start, ready file, output, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from emulator.host import HostFailedError, HostProcess
from emulator.host.__main__ import main
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import TOY, write_app


def test_a_process_serves_says_what_ran_and_ends_with_0(storage: Storage) -> None:
    process = HostProcess(TOY, storage.settings).start()
    assert requests.get(f"{process.url}/api/plain", timeout=60).text == "plain GET"
    key = process.address.function_keys["guarded"]
    assert requests.get(f"{process.url}/api/guarded", params={"code": key}, timeout=60).text == "opened"
    answer = requests.post(
        process.eventgrid_url("on_event"),
        json={"id": "1", "data": {}},
        headers={"aeg-event-type": "Notification"},
        timeout=5,
    )
    assert answer.status_code == 202
    # Stopped in the middle of a message: it is finished first.
    storage.put("work", "wait")
    storage.wait_hidden("work")
    os.kill(process.address.pid, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while "Stopping." not in process.output:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    requests.post(f"{process.url}/api/open-gate", timeout=60)
    assert process.stop() == 0
    assert json.loads(storage.texts("done")[0])["body"] == "wait"
    lines = process.output.splitlines()
    assert f"  plain: [ALL] {process.url}/api/plain" in lines
    assert [line.partition(",")[0] for line in lines if line.startswith("Executed")] == [
        "Executed 'plain' (Succeeded",
        "Executed 'guarded' (Succeeded",
        "Executed 'on_event' (Succeeded",
        "Executed 'open_gate' (Succeeded",
        "Executed 'on_work' (Succeeded",
    ]


def test_sigterm_ends_a_host_without_functions_in_work(storage: Storage) -> None:
    with HostProcess(TOY, storage.settings) as process:
        os.kill(process.address.pid, signal.SIGTERM)
        assert process.stop() == 0


def test_an_app_that_cannot_be_indexed_fails_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(HostFailedError, match=r"The host cannot start: .*registers no function"):
        HostProcess(write_app(tmp_path, "")).start()


def test_settings_file_environment_and_arguments_in_order_of_strength(tmp_path: Path) -> None:
    body = (
        "import os\n@app.route(route='x', auth_level='anonymous')\n"
        "def show(req: func.HttpRequest) -> str:\n"
        "    return ' '.join(os.environ[name] for name in ('ONE', 'TWO', 'THREE'))"
    )
    app = write_app(tmp_path, body)
    settings = tmp_path / "local.settings.json"
    settings.write_text(json.dumps({"IsEncrypted": False, "Values": {"ONE": "f", "TWO": "f", "THREE": "f"}}))
    ready = tmp_path / "ready.json"
    arguments = ["--app", str(app), "--settings", str(settings), "--ready", str(ready), "--env", "THREE=a"]
    process = subprocess.Popen(
        [sys.executable, "-m", "emulator.host", *arguments],
        env={**os.environ, "TWO": "e", "THREE": "e"},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not ready.is_file():
            assert process.poll() is None
            time.sleep(0.02)
        document = json.loads(ready.read_text())
        assert requests.get(f"{document['url']}/api/x", timeout=60).text == "f e a"
        assert set(document) == {"url", "function_keys", "host_key", "master_key", "eventgrid_key", "pid"}
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_a_malformed_env_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--app", ".", "--env", "NOVALUE"])
    assert ended.value.code == 2
    assert "'NOVALUE' is not NAME=VALUE" in capsys.readouterr().err
