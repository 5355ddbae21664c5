"""HTTP triggers as the real host serves them."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from emulator.host import FunctionsHost, InvocationStatus
from tests.emulator.host.toy import TOY, StartHost


def test_a_function_is_served_below_the_route_prefix(host: FunctionsHost) -> None:
    assert requests.get(f"{host.url}/api/plain", timeout=60).text == "plain GET"
    assert requests.get(f"{host.url}/plain", timeout=60).status_code == 404


def test_the_route_prefix_comes_from_host_json(start_host: StartHost, tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text((TOY / "function_app.py").read_text())
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}')
    host = start_host(tmp_path)
    assert requests.get(f"{host.url}/plain", timeout=60).text == "plain GET"


def test_without_a_route_the_function_name_is_the_route_and_all_methods_are_served(host: FunctionsHost) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert requests.request(method, f"{host.url}/api/plain", timeout=60).text == f"plain {method}"


def test_a_method_that_the_function_does_not_list_is_not_found(host: FunctionsHost) -> None:
    assert requests.delete(f"{host.url}/api/echo/g", timeout=60).status_code == 404
    assert requests.head(f"{host.url}/api/echo/g", timeout=60).status_code == 404
    assert host.log.entries("echo") == []


def test_an_unknown_path_is_not_found(host: FunctionsHost) -> None:
    assert requests.get(f"{host.url}/api/nothing", timeout=60).status_code == 404


def test_route_parameters_are_decoded_and_an_absent_optional_one_is_left_out(host: FunctionsHost) -> None:
    one = requests.get(f"{host.url}/api/echo/a%20b", timeout=60).json()
    assert one["route_params"] == {"group": "a b"}
    two = requests.get(f"{host.url}/api/echo/a%2Fb/vault", timeout=60).json()
    assert two["route_params"] == {"group": "a/b", "name": "vault"}


def test_a_literal_route_goes_before_a_parameter_and_case_is_ignored(host: FunctionsHost) -> None:
    assert requests.get(f"{host.url}/API/Echo/LITERAL", timeout=60).text == "literal"


def test_a_catch_all_parameter_takes_the_rest_of_the_path(host: FunctionsHost) -> None:
    assert requests.get(f"{host.url}/api/files/a/b/c.txt", timeout=60).text == "a/b/c.txt"
    assert requests.get(f"{host.url}/api/files", timeout=60).text == "nothing"


def test_header_names_are_lower_cased_and_empty_query_values_are_dropped(host: FunctionsHost) -> None:
    seen = requests.get(
        f"{host.url}/api/echo/g?kept=1&empty=&two=a&two=b", headers={"X-Mixed-Case": "Value"}, timeout=5
    ).json()
    assert seen["headers"]["x-mixed-case"] == "Value"
    assert all(name == name.lower() for name in seen["headers"])
    assert seen["params"] == {"kept": "1", "two": "a,b"}
    assert seen["url"].startswith(host.url + "/api/echo/g?")


def test_a_body_arrives_with_a_content_length(host: FunctionsHost) -> None:
    assert requests.post(f"{host.url}/api/echo/g", data="text", timeout=60).json()["body"] == "text"


def test_a_chunked_body_without_content_length_is_lost(host: FunctionsHost) -> None:
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=60)
    connection.request("POST", "/api/echo/g", iter([b"chunk"]), encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == ""
    connection.close()


def test_the_context_names_the_function_and_the_invocation(host: FunctionsHost) -> None:
    seen = requests.get(f"{host.url}/api/echo/g", timeout=60).json()
    (entry,) = host.log.wait("echo", 1)
    assert (seen["function_name"], seen["invocation_id"]) == ("echo", entry.invocation_id)


def test_status_headers_cookies_and_bytes_of_a_response_arrive(host: FunctionsHost) -> None:
    answer = requests.get(f"{host.url}/api/teapot", timeout=60)
    assert (answer.status_code, answer.content) == (418, b"\x00\x01")
    assert answer.headers["X-Brew"] == "tea"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Set-Cookie"] == "pot=short; HttpOnly; Path=/"


def test_a_text_answer_is_plain_text(host: FunctionsHost) -> None:
    assert requests.get(f"{host.url}/api/plain", timeout=60).headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("route", "function", "error"),
    [
        ("raises", "raises", "ValueError: secret detail"),
        ("wrong-return", "wrong_return", "FunctionError: an http function must return HttpResponse or str, not dict"),
    ],
)
def test_a_failure_is_a_bare_500_with_the_reason_in_the_log(
    host: FunctionsHost, route: str, function: str, error: str
) -> None:
    answer = requests.get(f"{host.url}/api/{route}", timeout=60)
    assert (answer.status_code, answer.content) == (500, b"")
    (entry,) = host.log.wait(function, 1)
    assert (entry.status, entry.error) == (InvocationStatus.FAILED, error)


def test_sync_functions_run_in_the_pool_and_async_ones_on_the_loop(host: FunctionsHost) -> None:
    assert requests.get(f"{host.url}/api/thread/sync", timeout=60).text.startswith("function_")
    assert requests.get(f"{host.url}/api/thread/async", timeout=60).text == "functions-host"


def test_the_host_listens_on_the_loopback_address_only(host: FunctionsHost) -> None:
    assert urlsplit(host.url).hostname == "127.0.0.1"


def test_a_function_key_opens_its_function_by_header_and_by_query(host: FunctionsHost) -> None:
    url = f"{host.url}/api/guarded"
    key = host.function_keys["guarded"]
    assert requests.get(url, headers={"x-functions-key": key}, timeout=60).text == "opened"
    assert requests.get(url, params={"code": key}, timeout=60).text == "opened"


def test_host_key_and_master_key_open_a_function_and_others_do_not(host: FunctionsHost) -> None:
    url = f"{host.url}/api/guarded"
    for key in (host.keys.default, host.keys.master):
        assert requests.get(url, params={"code": key}, timeout=60).status_code == 200
    for key in ("", "wrong", host.eventgrid_key, host.function_keys["plain"]):
        assert requests.get(url, params={"code": key}, timeout=60).status_code == 401
    assert len(host.log.entries("guarded")) == 2


def test_admin_level_takes_the_master_key_only(host: FunctionsHost) -> None:
    url = f"{host.url}/api/admin-only"
    assert requests.get(url, params={"code": host.keys.default}, timeout=60).status_code == 401
    assert requests.get(url, params={"code": host.keys.master}, timeout=60).text == "opened"


def test_a_given_function_key_is_the_key_of_every_function(start_host: StartHost) -> None:
    host = start_host(function_key="given")
    assert requests.get(f"{host.url}/api/guarded", params={"code": "given"}, timeout=60).text == "opened"
    assert set(host.function_keys.values()) == {"given"}


def test_the_invocation_log_is_served_as_json(host: FunctionsHost) -> None:
    requests.get(f"{host.url}/api/plain", timeout=60)
    requests.get(f"{host.url}/api/raises", timeout=60)
    rows = requests.get(f"{host.url}/_emulator/invocations", timeout=60).json()
    assert [(row["function"], row["status"]) for row in rows] == [("plain", "Succeeded"), ("raises", "Failed")]
    assert rows[0]["cause"] == {"trigger": "http", "method": "GET", "path": "/api/plain"}
    later = requests.get(f"{host.url}/_emulator/invocations?since=1", timeout=60).json()
    assert [row["sequence"] for row in later] == [2]
