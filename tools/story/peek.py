"""``python -m tools.story.peek CONNECTION``: the findings that wait for people, without taking them off the queue."""

from __future__ import annotations

import sys

from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from tools.story.storage import FINDINGS


def main(connection: str) -> None:
    """Print the first 32 messages, which is as many as Azure lets one peek at."""
    queue = QueueClient.from_connection_string(connection, FINDINGS, message_decode_policy=TextBase64DecodePolicy())
    for message in queue.peek_messages(32):
        print(message.content)


if __name__ == "__main__":
    main(sys.argv[1])
