"""What a simulated world shows to the checker, and the state in which two worlds are compared."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from emulator.arm.log import LogEntry
from emulator.arm.resources import Connection, Link, RecordSet, Vault
from shared.adapters.queues import FINDINGS, RECONCILE, RECONCILE_POISON
from shared.adapters.table_account import VAULTS
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import ArmId
from tests.simulation.checker import Course, Entry, Event, Request, Told, VaultState
from tests.simulation.world import GUARD, World

_DRAWN: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")


def course_of(world: World, *, stopped_at: datetime | None = None) -> Course:
    """Everything so far."""
    return Course(
        app=GUARD,
        requests=requests(world.arm.log.since()),
        events=[Event(fate.resource, fate.at, fate.vaults, tuple(fate.delivered)) for fate in world.grid.fates],
        vaults=list(_states(world)),
        told=list(told(message.text for message in world.queues[FINDINGS].messages.values())),
        consistency=world.policy.timing.consistency,
        # Azure's Date header has whole seconds, and a worker's clock may be off.
        skew=_seconds(world.skew + 1.0),
        enforce=world.enforce,
        stopped_at=stopped_at,
        gone=frozenset(_gone(world)),
    )


def final_state(world: World) -> dict[str, Any]:
    """What Azure holds and what people know to be open, without what is drawn at random or depends on time."""
    store = world.arm.world.store
    records = {
        item.id.key: (sorted(row["ipv4Address"] for row in item.records.get("aRecords") or []), item.ttl, _marks(item))
        for item in store.all()
        if isinstance(item, RecordSet) and item.record_type == "A"
    }
    links = {
        f"{item.id.parent.key}->{item.network.casefold()}": item.link_state
        for item in store.all()
        if isinstance(item, Link) and item.id.parent is not None
    }
    connections = Counter(
        f"{_DRAWN.sub('*', item.id.key)} {item.status.value} {item.state.value}"
        for item in store.all()
        if isinstance(item, Connection)
    )
    vaults = {item.id.key: item.properties for item in store.all() if isinstance(item, Vault)}
    return {
        "records": records,
        "links": links,
        "connections": dict(connections),
        "vaults": vaults,
        "open": opened(world),
    }


def differences(state: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Where two final states differ, one line each."""
    return [
        f"{part} {key.rpartition('/')[2]}: {state[part].get(key)} instead of {expected[part].get(key)}"
        for part in expected
        for key in sorted({*state[part], *expected[part]})
        if state[part].get(key) != expected[part].get(key)
    ]


def opened(world: World) -> dict[str, int]:
    """The findings that people know to be open, by the newest message about each: rule and subject."""
    newest: dict[tuple[str, str], Any] = {}
    for message in world.queues[FINDINGS].messages.values():
        body = json.loads(message.text)
        newest[body["vault"].casefold(), body["fingerprint"]] = body
    return dict(
        Counter(
            f"{body['rule']} {_DRAWN.sub('*', body['subject'].casefold())}"
            for body in newest.values()
            if body["state"] == "open"
        )
    )


def accounts(world: World, lost: int) -> dict[str, int]:
    """The ledger of a simulation: what became of everything that arrived."""
    outcomes = Counter(entry.outcome for state in _states(world) for entry in state.journal if entry.kind == "result")
    return {
        "events": len(world.grid.fates),
        "lost on the way": world.grid.lost,
        "received": world.grid.delivered,
        **{f"ignored: {reason}": count for reason, count in sorted(world.grid.ignored.items())},
        "coalesced": world.results["coalesced"],
        "evaluated": sum(world.results[word] for word in ("looked", "changed", "moving", "gone")),
        "changed": outcomes["applied"] + outcomes["accepted"],
        "refused": outcomes["refused"],
        "retried": world.results["retry"],
        "poison": len(world.queues[RECONCILE_POISON].messages),
        "workers killed": world.kills,
        "ARM calls": len(world.arm.log.since()),
        "of them faulted": sum(world.weather.met.values()),
        "lost": lost,
    }


def waiting(world: World) -> list[str]:
    """The texts on the reconcile queue."""
    return [message.text for message in world.queues[RECONCILE].messages.values()]


def requests(log: Iterable[LogEntry]) -> list[Request]:
    """Azure's log, each request at the time when it was answered."""
    return [
        Request(
            entry.time,
            "" if entry.caller is None else entry.caller.name,
            entry.method,
            entry.resource_id,
            entry.status,
        )
        for entry in log
    ]


def state(ledger: TableLedger, vault: ArmId, now: datetime) -> VaultState:
    """What is stored of a vault."""
    row = ledger.load(vault)
    return VaultState(
        vault=vault.text,
        last_quiet_read=row.last_quiet_read,
        last_fresh_read=row.last_fresh_read,
        journal=tuple(
            Entry(item.change_id, item.kind, item.at, item.verb, item.target, item.outcome)
            for item in ledger.journal(vault)
        ),
        verify=ledger.verify(vault),
        told=frozenset(row.told),
        lease_held=row.lease.held(now),
    )


def told(texts: Iterable[str]) -> Iterator[Told]:
    """The messages of the findings queue."""
    for text in texts:
        body = json.loads(text)
        observed = datetime.fromisoformat(body["observed_at"])
        yield Told(body["vault"], body["fingerprint"], body["state"] == "open", observed)


def _states(world: World) -> Iterator[VaultState]:
    rows = [dict(row) for row in world.tables[VAULTS].list_entities()]
    for vault in sorted({str(row["vault"]) for row in rows if "vault" in row}):
        yield state(world.ledger, ArmId.parse(vault), world.timeline.now)


def _gone(world: World) -> Iterator[str]:
    store = world.arm.world.store
    for fate in world.grid.fates:
        for vault in fate.vaults:
            if store.find(vault, Vault) is None:
                yield vault.casefold()


def _marks(record: RecordSet) -> tuple[str, ...]:
    metadata = record.metadata or {}
    return tuple(sorted(_DRAWN.sub("*", f"{name}={value}") for name, value in metadata.items()))


def _seconds(amount: float) -> timedelta:
    return timedelta(seconds=amount)
