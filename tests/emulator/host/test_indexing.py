"""Apps that Azure would not start are not started here, and the error says why."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import requests

from emulator.host import IndexingError
from tests.emulator.host.toy import TOY, StartHost, write_app

_HTTP = """
@app.function_name("{name}")
@app.route(route="{route}")
def {name}({parameters}) -> str:
    return "x"
"""
_QUEUE_OUTPUT = """
@app.function_name("sends")
@app.route(route="sends")
@app.queue_output(arg_name="out", queue_name="q", connection="Toy")
def sends(req: func.HttpRequest, out: {annotation}) -> str:
    return "x"
"""
_EVENT = """
@app.function_name("on_event")
@app.event_grid_trigger(arg_name="event")
def on_event(event: {annotation}) -> None: ...
"""


def _http(name: str = "one", route: str = "one", parameters: str = "req: func.HttpRequest") -> str:
    return _HTTP.format(name=name, route=route, parameters=parameters)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "registers no function"),
        ("second = func.FunctionApp()" + _http(), "more than one top level FunctionApp"),
        ("del app", "no top level FunctionApp"),
        ("raise RuntimeError('at import')", "cannot be imported: RuntimeError: at import"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        (_http() + _http().replace("def one", "def two"), "does not have a unique function name"),
        (_http(parameters="req: func.HttpRequest, extra: str"), "parameters without a binding: extra"),
        (_http(parameters="other: func.HttpRequest"), "parameters without a binding: other"),
        (_http(parameters="req: func.HttpRequest, context: str"), "'context' must be azure.functions.Context"),
        (_http(parameters="req: 'func.Missing'"), "cannot be resolved at run time: .*'Missing'"),
        (_http(parameters="req: func.QueueMessage"), "does not match its annotation"),
        (_http(route="a/{id:int}"), "route constraints are not served"),
        (
            (
                "@app.timer_trigger(arg_name='t', schedule='0 0 3 * * *')\n"
                "@app.retry(strategy='fixed_delay', max_retry_count='3', delay_interval='00:00:01')\n"
                "def f(t: func.TimerRequest) -> None: ..."
            ),
            "this host serves no retry policy",
        ),
        (_http(route="%ROUTE%"), "'%ROUTE%' does not resolve to a value"),
        (_EVENT.format(annotation="dict"), "does not match its annotation"),
        (_EVENT.format(annotation="str"), "does not match its annotation"),
        (_QUEUE_OUTPUT.format(annotation="str"), r"must be func\.Out"),
        (_QUEUE_OUTPUT.format(annotation="func.Out[int]"), "a queue output cannot hold"),
        (_QUEUE_OUTPUT.format(annotation="func.Out[list[str]]"), "a queue output cannot hold"),
        (
            "@app.blob_trigger(arg_name='b', path='c/d', connection='Toy')\ndef f(b: func.InputStream) -> None: ...",
            "this host serves no trigger of type 'blobTrigger'",
        ),
        (
            "@app.table_input(arg_name='t', connection='Toy', table_name='t')" + _http(parameters="req, t"),
            "this host serves no input binding of type 'table'",
        ),
        (
            "@app.table_output(arg_name='t', connection='Toy', table_name='t')" + _http(parameters="req, t"),
            "this host serves no output binding of type 'table'",
        ),
    ],
)
def test_the_host_refuses_to_start(start_host: StartHost, tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(IndexingError, match=message):
        start_host(write_app(tmp_path, body))


def test_a_folder_without_function_app_is_refused(start_host: StartHost, tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    with pytest.raises(IndexingError, match=r"function_app\.py does not exist"):
        start_host(tmp_path)


def test_after_a_refusal_environment_and_modules_are_as_before(start_host: StartHost, tmp_path: Path) -> None:
    before = (dict(os.environ), list(sys.path))
    with pytest.raises(IndexingError):
        start_host(write_app(tmp_path, ""), env={"ONLY_HERE": "1"})
    assert (dict(os.environ), list(sys.path)) == before
    assert "function_app" not in sys.modules


def test_settings_are_in_the_environment_before_the_app_is_imported(start_host: StartHost, tmp_path: Path) -> None:
    body = "import os\nVALUE = os.environ['ONLY_HERE']" + _HTTP.replace('"x"', "VALUE").format(
        name="one", route="one", parameters="req: func.HttpRequest"
    )
    host = start_host(write_app(tmp_path, body), env={"ONLY_HERE": "seen"})
    assert requests.get(f"{host.url}/api/one", params={"code": host.keys.master}, timeout=60).text == "seen"
    host.close()
    assert "ONLY_HERE" not in os.environ


def test_the_app_folder_comes_first_on_the_path(start_host: StartHost, tmp_path: Path) -> None:
    (tmp_path / "beside_the_app.py").write_text("VALUE = 'beside'")
    body = "import beside_the_app" + _HTTP.replace('"x"', "beside_the_app.VALUE").format(
        name="one", route="one", parameters="req: func.HttpRequest"
    )
    host = start_host(write_app(tmp_path, body))
    assert requests.get(f"{host.url}/api/one", params={"code": host.keys.master}, timeout=60).text == "beside"


def test_functions_of_a_blueprint_are_found(start_host: StartHost, tmp_path: Path) -> None:
    body = "bp = func.Blueprint()\n" + _http().replace("@app.", "@bp.") + "app.register_functions(bp)"
    assert set(start_host(write_app(tmp_path, body)).specs) == {"one"}


def test_every_function_is_listed_with_its_url_or_trigger(start_host: StartHost, storage: object) -> None:
    host = start_host(TOY)
    lines = host.describe()
    assert f"guarded: [GET] {host.url}/api/guarded" in lines
    assert f"plain: [ALL] {host.url}/api/plain" in lines
    assert f"on_event: eventGridTrigger {host.url}/runtime/webhooks/EventGrid?functionName=on_event" in lines
    assert "tick: timerTrigger 0 0 3 * * *" in lines
    assert any(line.startswith("on_work: queueTrigger t") for line in lines)
    assert len(lines) == len(host.specs)
