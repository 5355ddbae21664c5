"""What lagging reads see: a second store that each change reaches later, by the resource's type.

Types without a lag reach it at once, so that a list shows the present of some resources beside the past of others,
as eventually consistent services do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from emulator.arm.ids import ResourceId
from emulator.arm.resources import Resource
from emulator.arm.store import Store
from emulator.arm.switches import Switches
from emulator.arm.world import World

# By type below its provider, in lower case; a type that is not here has the lag of the type it lies in, or none.
_LAGS: dict[str, Callable[[Switches], float]] = {
    "microsoft.keyvault/vaults": lambda switches: switches.vault_lag,
    "microsoft.keyvault/vaults/privateendpointconnections": lambda switches: switches.connection_lag,
    "microsoft.network/privateendpoints": lambda switches: switches.endpoint_lag,
    "microsoft.network/privateendpoints/privatednszonegroups": lambda switches: switches.zone_group_lag,
    "microsoft.network/networkinterfaces": lambda switches: switches.interface_lag,
    "microsoft.network/privatednszones": lambda switches: switches.zone_lag,
    "microsoft.network/privatednszones/virtualnetworklinks": lambda switches: switches.link_lag,
    "microsoft.network/virtualnetworks": lambda switches: switches.network_lag,
    "microsoft.network/virtualnetworks/subnets": lambda switches: switches.network_lag,
    "microsoft.network/virtualnetworks/virtualnetworkpeerings": lambda switches: switches.network_lag,
}
_RECORDS = "microsoft.network/privatednszones/"


class Replica:
    """A copy of the world's resources to read from. Must be used under the store's lock."""

    def __init__(self, primary: World) -> None:
        self._primary = primary
        store = primary.store
        self.world = replace(
            primary,
            store=Store(
                tenant=store.tenant,
                subscriptions=store.subscriptions,
                groups=store.groups,
                deleted_vaults=store.deleted_vaults,
                lock=store.lock,
            ),
        )
        self._ids: dict[str, ResourceId] = {}
        self._latest: dict[str, int] = {}
        self._number = 0
        store.take_changed()
        for key in store.all_keys():
            self._copy(key, at_once=True)

    def follow(self) -> None:
        """Take what has changed in the primary store; it appears here after its lag."""
        for key in self._primary.store.take_changed():
            self._copy(key, at_once=False)

    def _copy(self, key: str, *, at_once: bool) -> None:
        store = self._primary.store
        found = store.find(key, Resource)
        if found is not None:
            self._ids[key] = found.id
        elif key not in self._ids:
            return
        target = self._ids[key]
        copied = None if found is None else found.copied()
        references = store.references(key)
        self._number += 1
        number = self._number

        def arrive() -> None:
            if self._latest.get(key, 0) > number:
                return
            self._latest[key] = number
            if copied is None:
                self.world.store.remove(target)
                return
            self.world.store.put(copied)
            for reference in references:
                self.world.store.refer(copied, reference)

        lag = lag_of(self._primary.switches, target.type)
        if at_once or not lag:
            arrive()
        else:
            self._primary.clock.after(lag, arrive)


def lag_of(switches: Switches, type_name: str) -> float:
    """How many seconds of Azure reads of a type lag behind."""
    folded = type_name.casefold()
    lag = _LAGS.get(folded)
    if lag is not None:
        return lag(switches)
    return switches.record_lag if folded.startswith(_RECORDS) else 0.0
