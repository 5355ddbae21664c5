"""Queue output bindings: what a function handed over becomes messages, after the function succeeded.

The worker's half (value to typed datum) is the library's converter; the host's half (datum to messages)
follows azure-functions-host, FunctionBinding.cs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

from emulator.host.index import QueueOutput
from emulator.host.settings import MessageEncoding
from emulator.host.storage import Connections, send_creating

# https://learn.microsoft.com/azure/storage/queues/scalability-targets#scale-targets-for-queue-storage
MAX_MESSAGE_BYTES = 64 * 1024


class OutputError(Exception):
    """The value of an output binding cannot be sent; the invocation counts as failed."""


def encode_output(output: QueueOutput, value: Any) -> Datum:
    """The worker's half: typed datum of `value`. Raises `OutputError` for a value that the binding cannot
    hold."""
    try:
        if output.generic:
            return _encode_generic(output.parameter, value)
        datum: Datum = func.get_binding_registry().get("queue").encode(value, expected_type=None)
    except NotImplementedError as error:
        raise _unfit(output.parameter, value) from error
    return datum


def _unfit(parameter: str, value: Any) -> OutputError:
    return OutputError(f"output '{parameter}' cannot hold a value of type {type(value).__name__}")


def _encode_generic(parameter: str, value: Any) -> Datum:
    if isinstance(value, str):
        return Datum(value, "string")
    if isinstance(value, bytes | bytearray):
        return Datum(bytes(value), "bytes")
    if isinstance(value, dict | list):
        return Datum(json.dumps(value), "json")
    raise _unfit(parameter, value)


def messages_of(datum: Datum) -> list[bytes]:
    """The host's half: raw message bodies.

    A text that looks like JSON is parsed: an array becomes one message per element, an object is written anew
    and indented (JToken.ToString), so a message can be larger than the text that the function set.
    """
    if datum.type == "bytes":
        return [bytes(datum.value)]
    text = str(datum.value)
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")) and not (
        stripped.startswith("[") and stripped.endswith("]")
    ):
        return [text.encode()]
    try:
        document = json.loads(stripped)
    except ValueError as error:
        raise OutputError(f"a queue output that looks like JSON is not JSON: {error}") from error
    return [_element_text(element).encode() for element in (document if isinstance(document, list) else [document])]


def _element_text(element: Any) -> str:
    if isinstance(element, str):
        return element
    if element is None:
        return ""
    if isinstance(element, bool):
        return str(element)  # .NET writes True and False too.
    return json.dumps(element, indent=2, ensure_ascii=False)


def encode_message(body: bytes, encoding: MessageEncoding) -> str:
    """The text that goes over the wire. Raises `OutputError` above 64 KiB of encoded text."""
    if encoding is MessageEncoding.BASE64:
        text = base64.b64encode(body).decode("ascii")
    else:
        text = body.decode("utf-8", errors="strict")
    size = len(text.encode())
    if size > MAX_MESSAGE_BYTES:
        raise OutputError(f"a queue message of {size} encoded bytes is over the limit of {MAX_MESSAGE_BYTES}")
    return text


class QueueSender:
    """Sends the outputs of one invocation and tells `on_sent` the URL of each queue that got a message.
    Blocking."""

    def __init__(self, connections: Connections, encoding: MessageEncoding, on_sent: Callable[[str], None]) -> None:
        self._connections = connections
        self._encoding = encoding
        self._on_sent = on_sent

    def send(self, outputs: Iterable[tuple[QueueOutput, Datum]]) -> None:
        """Send in order. What was sent before a failure stays sent, as in Azure."""
        for output, datum in outputs:
            queue = self._connections.queue(output.connection, output.queue)
            for body in messages_of(datum):
                send_creating(queue, encode_message(body, self._encoding))
                self._on_sent(queue.url)
