"""Messages arrive as the Functions host reads them; what is too large is refused before anything is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueMessage

from emulator.azurite import Azurite
from shared.adapters.blobs import BlobStore
from shared.adapters.queues import FINDINGS, RECONCILE, RECONCILE_POISON, MessageTooLarge, QueueAccount, QueueInbox
from shared.adapters.storage_connection import StorageConnection
from shared.domain.arm_id import ArmId
from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.service.messages import decode
from shared.service.ports import LedgerUnavailable
from tests.adapters.storage.conftest import NOW
from tests.adapters.storage.test_ledger import closed_port, text_for


@pytest.fixture(autouse=True)
def no_queues(azurite: Azurite) -> None:
    """Each test finds the queues absent."""
    for name in (RECONCILE, RECONCILE_POISON, FINDINGS):
        try:
            raw(azurite, name).delete_queue()
        except ResourceNotFoundError:
            continue


def raw(azurite: Azurite, queue: str) -> QueueClient:
    return QueueClient.from_connection_string(azurite.connection_string, queue)


def received(azurite: Azurite, queue: str) -> list[QueueMessage]:
    return list(raw(azurite, queue).receive_messages(messages_per_page=32))


def texts(azurite: Azurite, queue: str) -> list[str]:
    return [base64.b64decode(message.content).decode() for message in received(azurite, queue)]


def test_work_of_each_kind_arrives_in_base64_and_never_expires(
    azurite: Azurite, inbox: QueueInbox, vault: ArmId
) -> None:
    work: list[Work] = [
        Hint(vault, "Microsoft.KeyVault/vaults/write", NOW, "someone", 2, NOW),
        Look(vault, "ä look", 1, NOW),
        SweepRequest(vault.subscription, "index"),
    ]

    inbox.send(work)

    messages = received(azurite, RECONCILE)
    found = {decode(base64.b64decode(message.content).decode()) for message in messages}
    assert found == set(work)
    assert all(message.expires_on is not None and message.expires_on.year == 9999 for message in messages)


def test_many_messages_are_all_sent(azurite: Azurite, inbox: QueueInbox, vault: ArmId) -> None:
    inbox.send(Look(vault, f"look {number}") for number in range(40))

    assert raw(azurite, RECONCILE).get_queue_properties().approximate_message_count == 40


def test_delayed_work_is_invisible_until_then(azurite: Azurite, inbox: QueueInbox, vault: ArmId) -> None:
    inbox.send([Look(vault, "later")], timedelta(seconds=90.2))
    inbox.send([Look(vault, "much later")], timedelta(days=400))
    inbox.send([Look(vault, "now")], timedelta(seconds=-5))

    assert [decode(text) for text in texts(azurite, RECONCILE)] == [Look(vault, "now")]
    assert raw(azurite, RECONCILE).get_queue_properties().approximate_message_count == 3


def test_what_is_given_up_keeps_its_work_and_its_reason(azurite: Azurite, inbox: QueueInbox, vault: ArmId) -> None:
    work = Look(vault, "settle", 99, NOW)

    inbox.poison(work, "24 hours passed")

    (text,) = texts(azurite, RECONCILE_POISON)
    body = json.loads(text)
    assert (decode(json.dumps(body["work"])), body["reason"]) == (work, "24 hours passed")


def test_findings_go_to_their_own_account(azurite: Azurite, connection: StorageConnection, blobs: BlobStore) -> None:
    elsewhere = QueueAccount(StorageConnection("KvGuardStorage", connection_string=text_for(closed_port())))
    inbox = QueueInbox(elsewhere, QueueAccount(connection), blobs)

    inbox.tell(['{"finding":1}', '{"finding":2}'])

    assert sorted(texts(azurite, FINDINGS)) == ['{"finding":1}', '{"finding":2}']


def test_48_kib_fit_and_one_byte_more_is_refused_before_anything_is_sent(azurite: Azurite, inbox: QueueInbox) -> None:
    inbox.tell(["x" * 49_152])
    with pytest.raises(MessageTooLarge, match="49153"):
        inbox.tell(["small", "ü" + "x" * 49_151])

    assert [len(text) for text in texts(azurite, FINDINGS)] == [49_152]


def test_one_failure_does_not_keep_the_others_from_being_sent(
    azurite: Azurite, connection: StorageConnection, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = QueueAccount(connection)
    send = account.send

    def fail_for_some(queue: str, text: str, *, delay: int = 0) -> None:
        if text == "3":
            raise LedgerUnavailable("queue away")
        send(queue, text, delay=delay)

    monkeypatch.setattr(account, "send", fail_for_some)

    with pytest.raises(LedgerUnavailable, match="1 of 6"):
        QueueInbox(account, account, blobs).tell([str(number) for number in range(6)])
    assert sorted(texts(azurite, FINDINGS)) == ["0", "1", "2", "4", "5"]


def test_a_queue_service_that_is_away_is_unavailable(blobs: BlobStore, vault: ArmId) -> None:
    away = QueueAccount(StorageConnection("KvGuardStorage", connection_string=text_for(closed_port())))

    with pytest.raises(LedgerUnavailable) as caught:
        QueueInbox(away, away, blobs).send([Look(vault, "x")])
    assert caught.value.__cause__ is not None


def test_kept_evidence_is_named_by_its_hash_and_kept_once(
    azurite: Azurite, inbox: QueueInbox, blobs: BlobStore
) -> None:
    blobs.ensure()

    names = {inbox.keep("évidence"), inbox.keep("évidence")}

    assert names == {hashlib.sha256("évidence".encode()).hexdigest()}
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    blob = service.get_blob_client("kvguard-evidence", names.pop())
    assert blob.download_blob().readall().decode() == "évidence"


def test_the_queue_and_blob_sdks_are_imported_with_their_first_use() -> None:
    program = """
import sys
from shared.adapters import blobs, queues, tables
from shared.adapters.storage_connection import StorageConnection
connection = StorageConnection("X", connection_string="AccountName=a;AccountKey=a2V5;EndpointSuffix=example.invalid")
account = queues.QueueAccount(connection)
queues.QueueInbox(account, account, blobs.BlobStore(connection))
print([name for name in ("azure.storage.queue", "azure.storage.blob", "aiohttp") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"
