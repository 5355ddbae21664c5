"""Carries out the deployment steps of a scenario through the official management SDKs, as the step's principal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from azure.core.exceptions import HttpResponseError
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.privatedns import PrivateDnsManagementClient

from tools.story import scenario as story
from tools.story.azure import SCOPE, Json
from tools.story.scenario import ZONE_NAME, Act, Scenario
from tools.story.stage import Stage

_SUBNET: Final = "endpoints"
_LONGEST: Final = 30.0
_TRANSIENT: Final = {"Creating", "Updating", "Deleting", "RegisteringDns", "InProgress"}


class DeploymentFailed(RuntimeError):
    """Azure refused a step, or it did not come to an end; the text says which."""


class Deployer:
    """Deploys into the local Azure of one world. ``meanwhile`` is called while a long operation runs."""

    def __init__(self, world: Stage, scenario: Scenario, meanwhile: Callable[[], None]) -> None:
        self._world = world
        self._azure = world.azure
        self._scenario = scenario
        self._meanwhile = meanwhile
        self._groups: set[str] = set()
        self._clients: dict[tuple[type, str], Any] = {}

    def carry_out(self, act: Act, step: story.Step) -> None:
        """Do one step and wait until Azure has finished it. Raises DeploymentFailed."""
        group = step.group or act.group
        who = step.by or act.by
        if group not in self._groups:
            self._azure.make_group(self._scenario.group_id(group), self._scenario.location, who)
            self._groups.add(group)
        try:
            done = self._do(group, who, step)
        except HttpResponseError as error:
            raise DeploymentFailed(f"act {act.key}, {type(step).__name__}: {error.message}") from error
        if done:
            self._finish(done)

    def _do(self, group: str, who: str, step: story.Step) -> str:
        """Send the step's request; the id of what it makes, empty for a step that makes nothing."""
        match step:
            case story.Network():
                networks = self._client(NetworkManagementClient, who).virtual_networks
                networks.begin_create_or_update(group, step.name, self._network(step), polling=False)
                return self._id(group, f"networks/{step.name}")
            case story.Zone():
                zones = self._client(PrivateDnsManagementClient, who).private_zones
                zones.begin_create_or_update(group, ZONE_NAME, {"location": "global"}, polling=False)
                return self._id(group, "zone")
            case story.Link():
                links = self._client(PrivateDnsManagementClient, who).virtual_network_links
                network = {"id": self._id(group, f"networks/{step.network}")}
                body = {
                    "location": "global",
                    "properties": {"virtualNetwork": network, "registrationEnabled": False},
                }
                links.begin_create_or_update(group, ZONE_NAME, step.name, body, polling=False)
                return self._id(group, f"links/{step.name}")
            case story.Record():
                records = self._client(PrivateDnsManagementClient, who).record_sets
                properties: Json = {"ttl": step.ttl, "aRecords": [{"ipv4Address": step.address}]}
                properties |= {"metadata": step.metadata} if step.metadata else {}
                records.create_or_update(group, ZONE_NAME, "A", step.name, {"properties": properties})
                return ""
            case story.Vault():
                vaults = self._client(KeyVaultManagementClient, who).vaults
                vaults.begin_create_or_update(group, step.name, self._vault(step), polling=False)
                return self._id(group, f"vaults/{step.name}")
            case story.Endpoint():
                endpoints = self._client(NetworkManagementClient, who).private_endpoints
                endpoints.begin_create_or_update(group, step.name, self._endpoint(group, step), polling=False)
                return self._id(group, f"endpoints/{step.name}")
            case story.ZoneGroup():
                groups = self._client(NetworkManagementClient, who).private_dns_zone_groups
                zone = {"privateDnsZoneId": self._id(group, "zone")}
                body = {"properties": {"privateDnsZoneConfigs": [{"name": "vault", "properties": zone}]}}
                groups.begin_create_or_update(group, step.endpoint, "default", body, polling=False)
                return f"{self._id(group, f'endpoints/{step.endpoint}')}/privateDnsZoneGroups/default"
            case story.Reject():
                return self._reject(group, who, step)
            case story.AskDns() | story.WaitForLook():
                return ""

    def _reject(self, group: str, who: str, step: story.Reject) -> str:
        vault = self._id(group, f"vaults/{step.vault}")
        self._until(lambda: bool(self._azure.rows(f"{vault}/privateEndpointConnections")), f"{vault} has a connection")
        [connection] = self._azure.rows(f"{vault}/privateEndpointConnections")
        state = {"status": "Rejected", "description": step.why}
        body = {"properties": {"privateLinkServiceConnectionState": state}}
        connections = self._client(KeyVaultManagementClient, who).private_endpoint_connections
        connections.put(group, step.vault, connection["name"], body)
        return str(connection["id"])

    def _network(self, step: story.Network) -> Json:
        subnet = {"name": _SUBNET, "properties": {"addressPrefix": step.prefix}}
        return {
            "location": self._scenario.location,
            "properties": {"addressSpace": {"addressPrefixes": [step.prefix]}, "subnets": [subnet]},
        }

    def _vault(self, step: story.Vault) -> Json:
        rules = [{"value": entry} for entry in step.allowed_ranges]
        firewall = {"defaultAction": "Deny", "bypass": "AzureServices", "ipRules": rules, "virtualNetworkRules": []}
        return {
            "location": self._scenario.location,
            "properties": {
                **({"networkAcls": firewall} if rules else {}),
                "tenantId": self._azure.tenant,
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
                "enablePurgeProtection": True,
                "publicNetworkAccess": step.public_network_access,
            },
        }

    def _endpoint(self, group: str, step: story.Endpoint) -> Json:
        target: Json = {"privateLinkServiceId": self._id(group, f"vaults/{step.vault}"), "groupIds": ["vault"]}
        if step.manual:
            target["requestMessage"] = step.why
        kind = "manualPrivateLinkServiceConnections" if step.manual else "privateLinkServiceConnections"
        fixed = {"groupId": "vault", "memberName": "default", "privateIPAddress": step.address}
        return {
            "location": self._scenario.location,
            "properties": {
                "subnet": {"id": self._id(group, f"subnets/{step.network}/{_SUBNET}")},
                kind: [{"name": step.name, "properties": target}],
                "ipConfigurations": [{"name": "fixed", "properties": fixed}] if step.address else [],
            },
        }

    def _finish(self, resource: str) -> None:
        """Wait as a template does, by reading, until the resource has left its transient states."""

        def finished() -> bool:
            body = self._azure.read(resource)
            properties = {} if body is None else body["properties"]
            state = str(properties.get("virtualNetworkLinkState") or properties.get("provisioningState"))
            return body is not None and state not in _TRANSIENT

        self._until(finished, f"{resource} is finished")

    def _until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something to be so. Raises DeploymentFailed when it takes too long."""
        deadline = self._world.seconds() + _LONGEST
        while not true():
            if self._world.seconds() > deadline:
                raise DeploymentFailed(f"waited {_LONGEST:.0f} s in vain until {what}")
            self._meanwhile()
            self._world.pause(0.05)

    def _client(self, kind: type, who: str) -> Any:
        """The SDK's client for a principal. Any, since it takes plain JSON, which its annotations do not say."""
        if (kind, who) not in self._clients:
            self._clients[kind, who] = kind(
                self._azure.credential(who),
                self._scenario.subscription,
                base_url=self._azure.url,
                credential_scopes=[SCOPE],
                transport=self._azure.transport(),
            )
        return self._clients[kind, who]

    def _id(self, group: str, reference: str) -> str:
        return self._scenario.id(group, reference)
