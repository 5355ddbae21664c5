"""What a test sees of storage: queues by their short name, read and written without help of the host."""

from __future__ import annotations

import base64
import time
from types import TracebackType

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient


class Storage:
    """Queues whose names begin with the prefix of one test."""

    def __init__(self, connection_string: str, prefix: str) -> None:
        self.connection_string = connection_string
        self.prefix = prefix
        self._service = QueueServiceClient.from_connection_string(connection_string)

    @property
    def settings(self) -> dict[str, str]:
        """App settings of the toy app."""
        return {
            "PREFIX": self.prefix,
            "Toy": self.connection_string,
            "AzureWebJobsStorage": self.connection_string,
        }

    def queue(self, name: str) -> QueueClient:
        return self._service.get_queue_client(f"{self.prefix}-{name}")

    def create(self, name: str) -> QueueClient:
        queue = self.queue(name)
        queue.create_queue()
        return queue

    def put(self, name: str, text: str) -> None:
        """Send `text` the way a producer for the host's default encoding does, creating the queue if
        needed."""
        queue = self.queue(name)
        encoded = base64.b64encode(text.encode()).decode()
        try:
            queue.send_message(encoded)
        except ResourceNotFoundError:
            queue.create_queue()
            queue.send_message(encoded)

    def exists(self, name: str) -> bool:
        try:
            self.queue(name).get_queue_properties()
        except ResourceNotFoundError:
            return False
        return True

    def count(self, name: str) -> int:
        """Messages in the queue, hidden ones included."""
        return int(self.queue(name).get_queue_properties().approximate_message_count or 0)

    def peek(self, name: str) -> list[QueueMessage]:
        """Visible messages, as they are on the wire."""
        try:
            return list(self.queue(name).peek_messages(max_messages=32))
        except ResourceNotFoundError:
            return []

    def texts(self, name: str) -> list[str]:
        """Visible messages, decoded."""
        return [base64.b64decode(str(message.content)).decode() for message in self.peek(name)]

    def wait(self, name: str, count: int, seconds: float = 60.0) -> list[str]:
        """Decoded messages of the queue, as soon as there are `count`."""
        deadline = time.monotonic() + seconds
        while len(found := self.texts(name)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} has {len(found)} messages, not {count}: {found}")
            time.sleep(0.02)
        return found

    def wait_hidden(self, name: str, seconds: float = 60.0) -> None:
        """Wait until the queue has messages and all of them are in work."""
        deadline = time.monotonic() + seconds
        while self.peek(name) or not self.count(name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} has messages that nobody takes")
            time.sleep(0.02)

    def wait_count(self, name: str, count: int, seconds: float = 60.0) -> None:
        """Wait until exactly `count` messages are in the queue, hidden ones included."""
        deadline = time.monotonic() + seconds
        while (found := self.count(name)) != count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} has {found} messages, not {count}")
            time.sleep(0.02)

    def __enter__(self) -> Storage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.close()
