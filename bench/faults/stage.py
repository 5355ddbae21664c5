"""The local Azure of one case: a vault to guard, the fault, and what the request log says afterwards."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bench.faults.cases import Case, Due, Event
from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.arm.faults import Status
from emulator.azure import SUBSCRIPTION, TENANT, LocalAzure
from emulator.eventgrid.envelope import event_grid_event

GUARD: Final = "guard"
_GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-orders"
_NETWORKS: Final = f"{_GROUP}/providers/Microsoft.Network"
_NETWORK: Final = f"{_NETWORKS}/virtualNetworks/vnet-orders"
VAULT: Final = f"{_GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders"
ZONE: Final = f"{_NETWORKS}/privateDnsZones/privatelink.vaultcore.azure.net"
RECORD: Final = f"{ZONE}/A/kv-orders"
_A_VAULT_READ: Final = r"/vaults/kv-orders\?"
_PROVIDER: Final = r"/providers/Microsoft\.KeyVault\?"
_LOCATION: Final = "westeurope"


@dataclass(frozen=True, slots=True)
class Witness:
    """What the request log of the local Azure says about one run.

    ``lost`` is None where the event asks for nothing. ``writes`` are the requests that Azure carried out.
    """

    lost: bool | None
    calls: int
    writes: tuple[str, ...]


class Stage:
    """One vault with public access, a private endpoint and a zone that lacks its record: both guards have work."""

    def __init__(self, azure: LocalAzure, case: Case) -> None:
        self.azure = azure
        self.case = case
        self._recovered = threading.Event()
        self._timer: threading.Timer | None = None
        # The local Azure does not serve provider metadata, which Cloud Custodian asks for the latest API version.
        self._metadata = Status(
            200,
            {
                "namespace": "Microsoft.KeyVault",
                "resourceTypes": [{"resourceType": "vaults", "apiVersions": ["2023-07-01"]}],
            },
        )
        self._seed()

    def _seed(self) -> None:
        put = self.azure.seed
        put("PUT", _GROUP, {"location": _LOCATION})
        properties: dict[str, Any] = {"sku": {"family": "A", "name": "standard"}, "tenantId": TENANT}
        put("PUT", VAULT, {"location": _LOCATION, "properties": properties})
        subnet = {"name": "endpoints", "properties": {"addressPrefix": "10.1.0.0/24"}}
        space = {"addressPrefixes": ["10.1.0.0/16"]}
        put("PUT", _NETWORK, {"location": _LOCATION, "properties": {"addressSpace": space, "subnets": [subnet]}})
        connection = {"name": "to-vault", "properties": {"privateLinkServiceId": VAULT, "groupIds": ["vault"]}}
        endpoint = {"subnet": {"id": f"{_NETWORK}/subnets/endpoints"}, "privateLinkServiceConnections": [connection]}
        put("PUT", f"{_NETWORKS}/privateEndpoints/pe-orders", {"location": _LOCATION, "properties": endpoint})
        put("PUT", ZONE, {"location": "global"})
        if self.case.healthy:
            self._heal(properties)
        if self.case.event is Event.VAULT_DELETED:
            put("DELETE", VAULT)

    def _heal(self, properties: dict[str, Any]) -> None:
        """What both guards want: the record and the link, no public access, an access policy."""
        put = self.azure.seed
        policy = {"tenantId": TENANT, "objectId": self.azure.operator.oid, "permissions": {"keys": ["get"]}}
        closed = {"publicNetworkAccess": "Disabled", "accessPolicies": [policy], "enablePurgeProtection": True}
        put("PUT", VAULT, {"location": _LOCATION, "properties": {**properties, **closed}})
        put("PUT", RECORD, {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.1.0.4"}]}})
        link = {"virtualNetwork": {"id": _NETWORK}, "registrationEnabled": False}
        put("PUT", f"{ZONE}/virtualNetworkLinks/orders", {"location": "global", "properties": link})

    def begin(self) -> None:
        """Put the fault in force; the time until it is lifted begins now."""
        self._reset()
        fault = self.case.fault
        if fault is None:
            self._recovered.set()
            return
        self.azure.faults.add("GET", _A_VAULT_READ, fault.action, fault.times)
        if fault.times is not None:
            self._recovered.set()
            return
        self._timer = threading.Timer(fault.seconds, self.recover)
        self._timer.daemon = True
        self._timer.start()

    def _reset(self) -> None:
        self.azure.faults.clear()
        self.azure.faults.add("GET", _PROVIDER, self._metadata)

    def recover(self) -> None:
        """Lift the fault."""
        self._reset()
        self._recovered.set()

    def end(self) -> Witness:
        """Wait until Azure has recovered, and read the log."""
        self._recovered.wait()
        mine = [e for e in self.azure.log.since(0) if e.caller is not None and e.caller.name == GUARD]
        # While the fault lasts no reading of the vault succeeds, so one that did came after it.
        seen = any(e.method == "GET" and e.resource_id == VAULT and e.status == 200 for e in mine)
        writes = tuple(
            f"{e.method} {e.resource_id.rsplit('/', 2)[-2]}" for e in mine if e.is_write and 200 <= e.status < 300
        )
        return Witness(None if self.case.due is Due.NOTHING else not seen, len(mine), writes)

    def envelope(self) -> dict[str, Any]:
        """The event of the case in the Event Grid schema."""
        about = RECORD if self.case.event is Event.RECORD_DELETED else VAULT
        kind = EventKind.DELETE if self.case.event in (Event.VAULT_DELETED, Event.RECORD_DELETED) else EventKind.WRITE
        failed = self.case.event is Event.VAULT_WRITE_FAILED
        what = "Microsoft.Network/privateDnsZones/A" if about == RECORD else "Microsoft.KeyVault/vaults"
        arm = ArmEvent(
            resource_id=about,
            operation_name=f"{what}/{kind.value.lower()}",
            kind=kind,
            status=EventStatus.FAILURE if failed else EventStatus.SUCCESS,
            principal=self.azure.operator,
            correlation_id=str(uuid.uuid4()),
            time=datetime.now(UTC),
            subscription=SUBSCRIPTION,
            tenant=TENANT,
            http_method="DELETE" if kind is EventKind.DELETE else "PUT",
        )
        return event_grid_event(arm)

    def close(self) -> None:
        """End the wait for the recovery."""
        if self._timer is not None:
            self._timer.cancel()


@contextmanager
def stage(case: Case) -> Iterator[Stage]:
    """A local Azure of its own for one case."""
    with LocalAzure(scale=0) as azure:
        ready = Stage(azure, case)
        try:
            yield ready
        finally:
            ready.close()
