"""The harness against a toy app: what it reports has to be what the app did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.worker.harness import (
    HttpCall,
    Kind,
    LogLine,
    Status,
    Typed,
    WorkerError,
    WorkerHarness,
)

TOY = Path(__file__).parent / "toy"
EVENT = {
    "id": "e1",
    "topic": "/subscriptions/00000000-0000-0000-0000-000000000001",
    "subject": "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/rg",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-11-21T10:00:00.1234567Z",
    "dataVersion": "2",
    "metadataVersion": "1",
    "data": {"operationName": "Microsoft.KeyVault/vaults/write"},
}


@pytest.fixture(scope="module")
def toy() -> Iterator[WorkerHarness]:
    with WorkerHarness(TOY, {"TOY_SETTING": "on"}) as harness:
        answer = harness.init()
        assert answer.status is Status.SUCCESS, answer.message
        yield harness


def write_app(folder: Path, body: str) -> Path:
    (folder / "function_app.py").write_text(f"import azure.functions as func\n\napp = func.FunctionApp()\n{body}")
    return folder


def test_the_worker_names_the_capabilities_that_decide_what_the_host_sends() -> None:
    with WorkerHarness(TOY, {}) as harness:
        answer = harness.init()

    assert answer.status is Status.SUCCESS
    assert answer.capabilities["RawHttpBodyBytes"] == "true"
    assert answer.capabilities["RpcHttpBodyOnly"] == "true"


def test_metadata_lists_every_function_with_its_bindings(toy: WorkerHarness) -> None:
    found = {function.name: function for function in toy.metadata()}

    assert set(found) == {"greet", "forward", "notice", "tick"}
    assert [name for name, function in found.items() if function.is_http] == ["greet"]
    assert found["greet"].trigger.settings["route"] == "greetings/{name}"
    assert found["greet"].trigger.settings["methods"] == ["GET", "POST"]
    assert found["greet"].trigger.settings["authLevel"] == "FUNCTION"
    forward = {binding.name: binding for binding in found["forward"].bindings}
    assert (forward["message"].type, forward["message"].direction) == ("queueTrigger", "in")
    assert (forward["out"].type, forward["out"].direction) == ("queue", "out")
    assert forward["out"].settings["queueName"] == "toy-out"
    assert found["tick"].trigger.settings["schedule"] == "0 */5 * * * *"
    assert len({function.function_id for function in found.values()}) == 4


@pytest.mark.parametrize("name", ["greet", "forward", "notice", "tick"])
def test_each_function_loads(toy: WorkerHarness, name: str) -> None:
    assert toy.load(name).status is Status.SUCCESS


def test_an_http_request_arrives_as_the_host_hands_it_over(toy: WorkerHarness) -> None:
    call = HttpCall(
        "POST",
        "http://127.0.0.1/api/greetings/ada?a=1&empty=&b=x%20y",
        headers={"X-Toy": "yes", "Content-Type": "text/plain"},
        params={"name": "ada"},
        body="grüß".encode(),
    )

    result = toy.send_http("greet", call)

    assert result.status is Status.SUCCESS
    assert result.reply.status == 201
    assert result.reply.headers["content-type"].startswith("application/json")
    assert json.loads(result.reply.text) == {
        "method": "POST",
        "name": "ada",
        "query": {"a": "1", "b": "x y"},
        "header": "yes",
        "body": "grüß",
        "setting": "on",
        "folder": str(TOY),
        "path": str(TOY),
    }


def test_an_http_request_without_a_body_gives_the_function_no_bytes(toy: WorkerHarness) -> None:
    result = toy.send_http("greet", HttpCall("GET", "http://127.0.0.1/api/greetings/ada", params={"name": "ada"}))

    assert json.loads(result.reply.text)["body"] == ""


def test_a_queue_message_carries_its_metadata_and_sets_the_output(toy: WorkerHarness) -> None:
    result = toy.send_queue("forward", "hello", dequeue_count=3)

    assert result.status is Status.SUCCESS
    assert result.return_value is None
    assert result.outputs["out"].parsed() == {"text": "hello", "tries": 3}
    assert result.logs == (LogLine("toy", "INFO", "forwarding in forward"),)


def test_a_function_that_raises_sends_no_output(toy: WorkerHarness) -> None:
    result = toy.send_queue("forward", "fail")

    assert result.status is Status.FAILURE
    assert result.message.startswith("ValueError: told to fail")
    assert "function_app.py" in result.stack_trace
    assert result.outputs == {}


def test_an_event_reaches_an_async_function(toy: WorkerHarness) -> None:
    result = toy.send_event("notice", EVENT)

    assert result.status is Status.SUCCESS
    first, second = result.outputs["out"].parsed()
    assert first == {"subject": EVENT["subject"], "id": "e1"}
    assert second == EVENT["data"]


@pytest.mark.parametrize("past_due", [True, False])
def test_a_timer_says_whether_it_is_late(toy: WorkerHarness, past_due: bool) -> None:
    result = toy.send_timer("tick", past_due=past_due)

    assert result.logs == (LogLine("toy", "WARNING", f"past due: {past_due}"),)


def test_an_input_of_a_kind_that_the_trigger_does_not_take_fails_the_invocation(toy: WorkerHarness) -> None:
    result = toy.invoke("notice", {"event": Typed(Kind.BYTES, b"{}")})

    assert result.status is Status.FAILURE
    assert "unable to decode incoming TypedData" in result.message


def test_a_placeholder_gets_its_app_and_settings_later(tmp_path: Path) -> None:
    write_app(
        tmp_path,
        """import os
@app.route("late")
def late(req: func.HttpRequest) -> str:
    return os.environ["LATE"]
""",
    )
    with WorkerHarness(tmp_path, {}, placeholder=True) as harness:
        assert harness.init().status is Status.SUCCESS
        with pytest.raises(WorkerError, match="lists no function"):
            harness.metadata()

        assert harness.reload_environment({"LATE": "arrived"}).status is Status.SUCCESS

        result = harness.send_http("late", HttpCall("GET", "http://127.0.0.1/api/late"))
        assert result.reply.text == "arrived"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "import no_such_module_anywhere\n",
            "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
        ),
        ("other = func.FunctionApp()\n", "More than one FunctionApp"),
        (
            "@app.queue_trigger('m', 'q', 'C')\ndef f(m: func.QueueMessage, extra: str) -> None: ...\n",
            "declared in Python but not in the function definition",
        ),
        (
            "@app.event_grid_trigger('event')\ndef f(event: dict) -> None: ...\n",
            "event",
        ),
    ],
    ids=["import-error", "two-apps", "unbound-parameter", "wrong-annotation"],
)
def test_an_app_that_cannot_be_indexed_fails_as_a_whole(tmp_path: Path, body: str, message: str) -> None:
    with WorkerHarness(write_app(tmp_path, body), {}) as harness:
        answer = harness.init()

    assert answer.status is Status.FAILURE
    assert message in answer.message


def test_the_project_lends_no_package_to_another_app(tmp_path: Path) -> None:
    with WorkerHarness(write_app(tmp_path, "import tools.bootstrap\n"), {}) as harness:
        answer = harness.init()

    assert answer.status is Status.FAILURE
    assert "No module named 'tools'" in answer.message


def test_a_worker_that_dies_says_so(tmp_path: Path) -> None:
    with (
        WorkerHarness(write_app(tmp_path, "import os\nos.write(2, b'last words')\nos._exit(3)\n"), {}) as harness,
        pytest.raises(WorkerError, match=r"(?s)ended during init.*last words"),
    ):
        harness.init()


def test_the_environment_of_the_tests_does_not_leak_into_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KVGUARD_LEAK", "1")
    write_app(
        tmp_path,
        """import os
assert "KVGUARD_LEAK" not in os.environ
@app.route("x")
def x(req: func.HttpRequest) -> str:
    return ""
""",
    )
    with WorkerHarness(tmp_path, {}) as harness:
        answer = harness.init()

    assert answer.status is Status.SUCCESS, answer.message
