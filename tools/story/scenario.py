"""The scenario: what is deployed, by whom and why, and what must be true afterwards. Data only.

A scenario is a YAML file under ``scenarios/``. Resources are named by short references: ``[group/]kind/name``, where
the act's own resource group is the default, ``A/NAME`` and ``links/NAME`` lie in the group's private DNS zone, and
``connections/VAULT/NAME`` at a vault. A reference in an expectation may hold ``*`` for what Azure names itself.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

# https://learn.microsoft.com/azure/private-link/private-endpoint-dns
ZONE_NAME: Final = "privatelink.vaultcore.azure.net"
HOST_SUFFIX: Final = "vault.azure.net"
_BUNDLED: Final = Path(__file__).with_name("scenarios")
_PROVIDERS: Final = {
    "vaults": "Microsoft.KeyVault/vaults/{0}",
    "connections": "Microsoft.KeyVault/vaults/{0}/privateEndpointConnections/{1}",
    "networks": "Microsoft.Network/virtualNetworks/{0}",
    "subnets": "Microsoft.Network/virtualNetworks/{0}/subnets/{1}",
    "endpoints": "Microsoft.Network/privateEndpoints/{0}",
    "zone": f"Microsoft.Network/privateDnsZones/{ZONE_NAME}",
    "A": f"Microsoft.Network/privateDnsZones/{ZONE_NAME}/A/{{0}}",
    "links": f"Microsoft.Network/privateDnsZones/{ZONE_NAME}/virtualNetworkLinks/{{0}}",
}


class ScenarioError(ValueError):
    """The scenario cannot be played; the text says where it is wrong."""


class Mode(Enum):
    """How the app runs."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class _Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """``by`` is the principal, the act's own by default; ``group`` the resource group, likewise."""

    why: str
    by: str = ""
    group: str = ""


class Network(_Step, frozen=True, kw_only=True, tag="network"):
    """A virtual network with one subnet, ``endpoints``, that fills it."""

    name: str
    prefix: str


class Zone(_Step, frozen=True, kw_only=True, tag="zone"):
    """The private DNS zone for vaults of this resource group."""


class Link(_Step, frozen=True, kw_only=True, tag="link"):
    """A link from the group's zone to a network."""

    name: str
    network: str


class Record(_Step, frozen=True, kw_only=True, tag="record"):
    """An A record in the group's zone. ``ttl`` in seconds."""

    name: str
    address: str
    ttl: int
    metadata: dict[str, str] = {}


class Vault(_Step, frozen=True, kw_only=True, tag="vault"):
    """A key vault. ``allowed_ranges`` are the public addresses that its firewall lets in; none means no firewall."""

    name: str
    allowed_ranges: tuple[str, ...] = ()
    public_network_access: str = "Disabled"


class Endpoint(_Step, frozen=True, kw_only=True, tag="endpoint"):
    """A private endpoint for a vault. ``manual`` asks the vault's owner for approval; ``address`` is a fixed one."""

    name: str
    vault: str
    network: str
    address: str = ""
    manual: bool = False


class ZoneGroup(_Step, frozen=True, kw_only=True, tag="zone-group"):
    """A zone group, through which Azure writes the endpoint's address into the group's zone."""

    endpoint: str


class Reject(_Step, frozen=True, kw_only=True, tag="reject"):
    """The vault's owner rejects its only connection."""

    vault: str


class AskDns(_Step, frozen=True, kw_only=True, tag="ask-dns"):
    """Ask for the vault's address inside a network, now. ``answer`` is ``public``, ``nxdomain`` or an address."""

    vault: str
    network: str
    answer: str


class WaitForLook(_Step, frozen=True, kw_only=True, tag="wait-for-look"):
    """Go on only once kvguard has asked for this resource and was told that it does not exist."""

    resource: str


Step = Network | Zone | Link | Record | Vault | Endpoint | ZoneGroup | Reject | AskDns | WaitForLook


class _Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="that"):
    """Something that must be true once the act has come to rest."""


class Write(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request that asks for a change."""

    method: str
    resource: str


class Writes(_Expectation, frozen=True, kw_only=True, tag="kvguard-writes"):
    """kvguard asked for exactly these changes during the act, in this order."""

    exactly: tuple[Write, ...]


class RecordIs(_Expectation, frozen=True, kw_only=True, tag="record-is"):
    """An A record has exactly these addresses and this TTL, and this metadata among its own."""

    resource: str
    addresses: tuple[str, ...]
    ttl: int
    metadata: dict[str, str] = {}


class LinkIs(_Expectation, frozen=True, kw_only=True, tag="link-completed"):
    """The group's zone is linked to the network, completely and without auto-registration."""

    network: str


class NoConnections(_Expectation, frozen=True, kw_only=True, tag="no-connections"):
    """The vault has no private endpoint connection any more."""

    vault: str


class Unchanged(_Expectation, frozen=True, kw_only=True, tag="unchanged"):
    """The resource is, member for member, what it was when the deployment had ended."""

    resource: str


class Resolves(_Expectation, frozen=True, kw_only=True, tag="resolves"):
    """The vault's name gives this answer in the network: ``public``, ``nxdomain`` or an address."""

    vault: str
    network: str
    answer: str


class Message(_Expectation, frozen=True, kw_only=True, tag="finding"):
    """An open finding is in ``kvguard-findings``, with these prepared changes and these words somewhere in it."""

    rule: str
    subject: str
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class Silence(_Expectation, frozen=True, kw_only=True, tag="silence"):
    """Nobody was told anything about the vault."""

    vault: str


class LookedTooEarly(_Expectation, frozen=True, kw_only=True, tag="looked-too-early"):
    """An event of the endpoint was delivered, and kvguard asked for the record in vain, before Azure wrote it."""

    record: str
    endpoint: str


Expectation = Writes | RecordIs | LinkIs | NoConnections | Unchanged | Resolves | Message | Silence | LookedTooEarly


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act: its resource group, who deploys, the steps, and what must come of them."""

    key: str
    title: str
    why: str
    group: str
    by: str
    steps: tuple[Step, ...]
    expect: tuple[Expectation, ...]


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole story. ``policy`` is kvguard's policy file, beside the scenario; ``rights`` are all that it may do."""

    title: str
    subscription: str
    location: str
    policy: str
    rights: tuple[str, ...]
    acts: tuple[Act, ...]

    def id(self, group: str, reference: str) -> str:
        """The resource id that a short reference names. Raises ScenarioError for an unknown kind."""
        parts = reference.split("/")
        if parts[0] not in _PROVIDERS:
            group, parts = parts[0], parts[1:]
        pattern = _PROVIDERS.get(parts[0]) if parts else None
        if pattern is None:
            raise ScenarioError(f"{reference!r} names no kind of resource; known are {', '.join(_PROVIDERS)}")
        try:
            rest = pattern.format(*parts[1:])
        except IndexError:
            raise ScenarioError(f"{reference!r} is incomplete") from None
        return f"{self.group_id(group)}/providers/{rest}"

    def group_id(self, group: str) -> str:
        """The id of a resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{group}"

    @property
    def people(self) -> tuple[str, ...]:
        """Every principal that deploys something."""
        return tuple(sorted({step.by or act.by for act in self.acts for step in act.steps}))


def load(name: str) -> tuple[Scenario, Path]:
    """The scenario of that name or file, and the path of its policy. Raises ScenarioError."""
    path = _BUNDLED / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
    try:
        scenario = msgspec.yaml.decode(path.read_bytes(), type=Scenario)
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in _BUNDLED.glob("*.yaml") if not file.stem.endswith("policy")))
        raise ScenarioError(f"no scenario {name!r}: it is no file, and not one of {known}") from error
    except msgspec.MsgspecError as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    policy = path.parent / scenario.policy
    if not policy.is_file():
        raise ScenarioError(f"{path.name}: there is no policy file {scenario.policy!r} beside it")
    for act in scenario.acts:
        for expectation in act.expect:
            if isinstance(expectation, Writes):
                for write in expectation.exactly:
                    scenario.id(act.group, write.resource)
    return scenario, policy
