"""Queue outputs: what lies in the queue after a function ended."""

from __future__ import annotations

import json

import pytest
import requests

from emulator.host import FunctionsHost, InvocationStatus
from emulator.host.storage import ConnectionMissingError
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import StartHost


def _send(host: FunctionsHost, text: str, path: str = "sends") -> requests.Response:
    return requests.post(f"{host.url}/api/{path}", data=text.encode(), timeout=60)


def test_a_text_becomes_one_base64_message_and_the_queue_is_created(host: FunctionsHost, storage: Storage) -> None:
    assert not storage.exists("sent")
    assert _send(host, "grüße").status_code == 200
    assert storage.texts("sent") == ["grüße"]


def test_message_encoding_none_sends_the_text_as_it_is(start_host: StartHost, storage: Storage) -> None:
    host = start_host(env={"AzureFunctionsJobHost__extensions__queues__messageEncoding": "none"})
    _send(host, "plain <text>")
    assert [message.content for message in storage.peek("sent")] == ["plain <text>"]


def test_a_json_array_becomes_one_message_per_element(host: FunctionsHost, storage: Storage) -> None:
    _send(host, '["one", {"two": 2}, 3]')
    assert storage.texts("sent") == ["one", '{\n  "two": 2\n}', "3"]


def test_a_list_of_texts_becomes_one_message_each(host: FunctionsHost, storage: Storage) -> None:
    _send(host, '["a", "b"]', path="sends-list")
    assert storage.texts("sent") == ["a", "b"]


def test_a_json_object_is_written_anew_with_indentation(host: FunctionsHost, storage: Storage) -> None:
    _send(host, '{"a":1}')
    assert storage.texts("sent") == ['{\n  "a": 1\n}']


def test_a_dict_in_a_list_output_sends_its_keys(host: FunctionsHost, storage: Storage) -> None:
    # The library iterates the dict: its values are lost without an error.
    _send(host, '{"a": 1}', path="sends-list")
    assert storage.texts("sent") == ["a"]


def test_a_list_of_dicts_cannot_be_sent(host: FunctionsHost, storage: Storage) -> None:
    assert _send(host, '[{"a": 1}]', path="sends-list").status_code == 500
    assert not storage.exists("sent")


def test_nothing_is_sent_when_the_function_fails_after_setting_the_output(
    host: FunctionsHost, storage: Storage
) -> None:
    assert _send(host, "lost", path="sends?then=raise").status_code == 500
    assert not storage.exists("sent")


@pytest.mark.parametrize(("size", "status"), [(48 * 1024, 200), (48 * 1024 + 1, 500)])
def test_the_limit_is_64_kib_of_encoded_text(host: FunctionsHost, storage: Storage, size: int, status: int) -> None:
    assert _send(host, "x" * size).status_code == status
    (entry,) = host.log.wait("sends", 1)
    if status == 200:
        assert storage.texts("sent") == ["x" * size]
    else:
        assert entry.status is InvocationStatus.FAILED
        assert "65540 encoded bytes" in str(entry.error)
        assert not storage.exists("sent")


def test_an_over_size_message_of_a_list_fails_after_the_earlier_ones_were_sent(
    host: FunctionsHost, storage: Storage
) -> None:
    assert _send(host, json.dumps(["small", "x" * 50_000]), path="sends-list").status_code == 500
    assert storage.texts("sent") == ["small"]


def test_text_that_only_looks_like_json_fails(host: FunctionsHost, storage: Storage) -> None:
    assert _send(host, "{not json}").status_code == 500
    assert not storage.exists("sent")


def test_a_connection_that_no_setting_holds_fails_the_start_of_the_listener(start_host: StartHost) -> None:
    with pytest.raises(ConnectionMissingError, match="the app setting 'Toy' does not hold a storage connection string"):
        start_host(env={"Toy": ""})


def test_a_connection_is_also_found_under_its_name_with_azure_web_jobs_in_front(
    start_host: StartHost, storage: Storage
) -> None:
    host = start_host(env={"Toy": "", "AzureWebJobsToy": storage.connection_string})
    assert _send(host, "found").status_code == 200
    assert storage.texts("sent") == ["found"]
