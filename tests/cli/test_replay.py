"""``kvguard replay`` in a process of its own against Azurite; what happened is read from the queues."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from emulator.azurite import Azurite
from shared.adapters.blobs import BlobStore
from shared.adapters.clock import SystemClock
from shared.adapters.poison import StoredPoison
from shared.adapters.queues import RECONCILE, RECONCILE_POISON, QueueAccount, QueueInbox
from shared.adapters.storage_connection import StorageConnection
from shared.domain.arm_id import VAULT, ArmId
from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.service.messages import decode, encode
from shared.service.ports import LedgerUnavailable
from shared.service.replay import Replayer, Selection, Taken

ROOT = Path(__file__).resolve().parents[2]
SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
ID = ArmId.of(SUBSCRIPTION, "rg", VAULT, "kv-orders")
OLD = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
LOOK = Look(ID, "settle", 40, OLD)
HINT = Hint(ID, "Microsoft.KeyVault/vaults/write", OLD, "someone", 7, OLD)
SWEEP = SweepRequest(SUBSCRIPTION, "index", 3, OLD, "cursor")


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


@pytest.fixture
def connection(azurite: Azurite) -> StorageConnection:
    """Both queues, empty."""
    for name in (RECONCILE, RECONCILE_POISON):
        client = QueueClient.from_connection_string(azurite.connection_string, name)
        try:
            client.clear_messages()
        except ResourceNotFoundError:
            client.create_queue()
    return StorageConnection("KvGuardStorage", connection_string=azurite.connection_string)


@pytest.fixture
def account(connection: StorageConnection) -> QueueAccount:
    return QueueAccount(connection)


@pytest.fixture
def inbox(account: QueueAccount, connection: StorageConnection) -> QueueInbox:
    return QueueInbox(account, account, BlobStore(connection))


def queue(connection: StorageConnection, name: str) -> QueueClient:
    return QueueClient.from_connection_string(connection.connection_string, name)


def texts(connection: StorageConnection, name: str) -> list[str]:
    """Every visible message, taken off the queue."""
    client, found = queue(connection, name), []
    for message in client.receive_messages(messages_per_page=32):
        found.append(base64.b64decode(message.content).decode())
        client.delete_message(message)
    return found


def count(connection: StorageConnection, name: str) -> int:
    return queue(connection, name).get_queue_properties().approximate_message_count or 0


def kvguard(connection: StorageConnection, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a terminal of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KVGUARD_", "KvGuard"))}
    return subprocess.run(
        [sys.executable, "-m", "cli", "replay", *arguments],
        cwd=ROOT,
        env={**kept, "KvGuardStorage": connection.connection_string, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def listed(connection: StorageConnection, *arguments: str) -> dict[str, Any]:
    ran = kvguard(connection, "--json", *arguments)
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def test_an_empty_queue_is_clean(connection: StorageConnection) -> None:
    ran = kvguard(connection)
    assert (ran.returncode, ran.stdout) == (0, "")
    queue(connection, RECONCILE_POISON).delete_queue()
    assert kvguard(connection).returncode == 0


def test_both_forms_are_shown_and_stay_visible(
    connection: StorageConnection, account: QueueAccount, inbox: QueueInbox
) -> None:
    inbox.poison(LOOK, "missing right Microsoft.KeyVault/vaults/read")
    account.send(RECONCILE_POISON, encode(HINT))
    account.send(RECONCILE_POISON, encode(SWEEP))
    ran = kvguard(connection)
    assert ran.returncode == 1
    for shown in ("missing right Microsoft.KeyVault/vaults/read", "Functions host", ID.text):
        assert shown in ran.stdout
    messages = listed(connection)["messages"]
    assert {(m["kind"], m["about"]) for m in messages} == {
        ("look", ID.text),
        ("hint", ID.text),
        ("sweep", SUBSCRIPTION),
    }
    assert len(texts(connection, RECONCILE_POISON)) == 3
    assert count(connection, RECONCILE) == 0


@pytest.mark.parametrize("work", [LOOK, HINT, SWEEP], ids=["look", "hint", "sweep"])
@pytest.mark.parametrize("raw", [False, True], ids=["given-up", "moved-by-the-host"])
def test_work_put_back_is_the_same_work_with_its_age_starting_anew(
    connection: StorageConnection, account: QueueAccount, inbox: QueueInbox, work: Work, raw: bool
) -> None:
    if raw:
        account.send(RECONCILE_POISON, encode(work))
    else:
        inbox.poison(work, "gave up")
    began = datetime.now(UTC) - timedelta(seconds=1)
    assert kvguard(connection, "--all").returncode == 0
    (text,) = texts(connection, RECONCILE)
    back = decode(text)
    assert back.first is not None
    assert began <= back.first <= datetime.now(UTC)
    expected = json.loads(encode(work)) | {"attempt": 0, "first": json.loads(text)["first"]}
    assert json.loads(text) == expected
    assert count(connection, RECONCILE_POISON) == 0


def test_more_than_a_hundred_are_all_put_back(connection: StorageConnection, inbox: QueueInbox) -> None:
    for number in range(110):
        inbox.poison(Look(ArmId.of(SUBSCRIPTION, "rg", VAULT, f"kv-{number:03}"), "x", 9, OLD), "gave up")
    assert kvguard(connection, "--all").returncode == 0
    found = {json.loads(text)["vault"].rsplit("/", 1)[1] for text in texts(connection, RECONCILE)}
    assert found == {f"kv-{number:03}" for number in range(110)}
    assert count(connection, RECONCILE_POISON) == 0


def test_one_is_put_back_by_its_id_and_the_others_stay(connection: StorageConnection, inbox: QueueInbox) -> None:
    for number in range(3):
        inbox.poison(Look(ID, f"look {number}", 9, OLD), f"gave up {number}")
    (chosen,) = (message["id"] for message in listed(connection)["messages"] if message["reason"] == "gave up 1")
    assert kvguard(connection, "--id", chosen).returncode == 1
    assert [json.loads(text)["why"] for text in texts(connection, RECONCILE)] == ["look 1"]
    assert {message["id"] for message in listed(connection)["messages"]}.isdisjoint({chosen})
    assert len(texts(connection, RECONCILE_POISON)) == 2


def test_a_dry_run_changes_nothing(connection: StorageConnection, inbox: QueueInbox) -> None:
    inbox.poison(LOOK, "gave up")
    ran = kvguard(connection, "--all", "--dry-run")
    assert (ran.returncode, "would be put back" in ran.stderr) == (1, True)
    assert (count(connection, RECONCILE), len(texts(connection, RECONCILE_POISON))) == (0, 1)


UNREADABLE = {
    "no json": "hello",
    "another version": '{"version": 99, "kind": "look"}',
    "work of another version": '{"work": {"version": 99}, "reason": "x"}',
    "a list": "[1, 2]",
    "deep": "[" * 20_000,
    "work is a number": '{"work": 7}',
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_shown_and_kept_until_it_is_discarded(
    connection: StorageConnection, account: QueueAccount, kind: str
) -> None:
    account.send(RECONCILE_POISON, UNREADABLE[kind])
    ran = kvguard(connection, "--all")
    assert (ran.returncode, "cannot be read and is kept" in ran.stderr) == (1, True)
    (message,) = listed(connection)["messages"]
    assert message["kind"] == "unreadable"
    assert (count(connection, RECONCILE), count(connection, RECONCILE_POISON)) == (0, 1)
    assert kvguard(connection, "--discard", message["id"]).returncode == 0
    assert (count(connection, RECONCILE), count(connection, RECONCILE_POISON)) == (0, 0)


def test_a_message_that_is_not_base64_is_shown_as_it_is(connection: StorageConnection) -> None:
    queue(connection, RECONCILE_POISON).send_message("plain & simple!")
    assert "plain & simple!" in kvguard(connection).stdout


def test_hostile_text_does_nothing_to_the_terminal(
    connection: StorageConnection, account: QueueAccount, inbox: QueueInbox
) -> None:
    evil = "\x1b[2J\x1b]8;;https://evil.example\x07[link=https://evil.example]x[/link]\u202e\r\nforged"
    inbox.poison(LOOK, evil)
    account.send(RECONCILE_POISON, evil)
    for arguments in ((), ("--json",), ("--id", evil)):
        ran = kvguard(connection, *arguments)
        for output in (ran.stdout, ran.stderr):
            assert not set(output) & set("\x1b\x07\r\u202e")
    assert "[link=https://evil.example]" in kvguard(connection).stdout


def test_wrong_input_and_storage_that_is_away_end_with_2(connection: StorageConnection, inbox: QueueInbox) -> None:
    inbox.poison(LOOK, "gave up")
    assert kvguard(connection, "--all", "--id", "x").returncode == 2
    assert kvguard(connection, "--id", "x", "--discard", "x").returncode == 2
    assert kvguard(connection, "--id", "no-such-message").returncode == 2
    assert kvguard(connection, "--no-such-option").returncode == 2
    nowhere = StorageConnection("KvGuardStorage", connection_string="")
    ran = kvguard(nowhere, "--all")
    assert (ran.returncode, "KvGuardStorage" in ran.stderr, "Traceback" in ran.stderr) == (2, True, False)
    away = connection.connection_string.replace("QueueEndpoint=http://127.0.0.1:", "QueueEndpoint=http://127.0.0.1:1")
    ran = kvguard(StorageConnection("KvGuardStorage", connection_string=away))
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
    assert (count(connection, RECONCILE), count(connection, RECONCILE_POISON)) == (0, 1)


class _Dies(StoredPoison):
    """Ends after so many deletions were asked for, before the next is made."""

    def __init__(self, account: QueueAccount, deletions: int) -> None:
        super().__init__(account)
        self._left = deletions

    def delete(self, taken: Taken) -> None:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        super().delete(taken)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_death_between_successor_and_deletion_doubles_and_never_loses(
    connection: StorageConnection, account: QueueAccount, inbox: QueueInbox, after: int
) -> None:
    for number in range(3):
        inbox.poison(Look(ID, f"look {number}", 9, OLD), "gave up")
    with pytest.raises(KeyboardInterrupt):
        Replayer(_Dies(account, after), inbox, SystemClock()).run(Selection(everything=True))
    kept = [json.loads(text)["work"]["why"] for text in texts(connection, RECONCILE_POISON)]
    sent = [json.loads(text)["why"] for text in texts(connection, RECONCILE)]
    assert set(kept) | set(sent) == {"look 0", "look 1", "look 2"}
    assert (len(kept), len(sent)) == (3 - after, after + 1)


class _Refusing(QueueInbox):
    def send(self, work: Iterable[Work], delay: timedelta = timedelta(0)) -> None:
        raise LedgerUnavailable("the queue is away")


def test_what_cannot_be_sent_is_not_deleted(connection: StorageConnection, account: QueueAccount) -> None:
    inbox = _Refusing(account, account, BlobStore(connection))
    inbox.poison(LOOK, "gave up")
    with pytest.raises(LedgerUnavailable):
        Replayer(StoredPoison(account), inbox, SystemClock()).run(Selection(everything=True))
    assert len(texts(connection, RECONCILE_POISON)) == 1
