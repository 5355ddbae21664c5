"""Microsoft.KeyVault/vaults and deleted vaults.

Source: azure-rest-api-specs, specification/keyvault/resource-manager; behaviour from recorded traffic.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from emulator.arm import connections
from emulator.arm.clock import iso
from emulator.arm.errors import ArmError, bad_request
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import scope_prefix
from emulator.arm.operations import Protocol
from emulator.arm.paging import end_of_list, page
from emulator.arm.resources import Assignment, Connection, DeletedVault, Stamp, State, Vault
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import Omitted, show
from emulator.arm.world import World

VAULTS = "Microsoft.KeyVault/vaults"
DELETED = "Microsoft.KeyVault/locations/deletedVaults"
REGISTER_DNS_SECONDS = 31.0
PURGE_SECONDS = 10.0
RETENTION_DAYS = 90
_NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{1,22}[a-z0-9]", re.IGNORECASE)
_PUBLIC_ACCESS_SINCE = "2021-06-01"
# Vaults made with this version or a later one use Azure RBAC unless told otherwise; older ones keep what they have.
# https://learn.microsoft.com/azure/key-vault/general/access-control-default
_RBAC_SINCE = "2026-02-01"


class Vaults:
    """Handlers of vaults."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, VAULTS, self.get)
        router.add("PUT", Shape.ITEM, VAULTS, self.put)
        router.add("PATCH", Shape.ITEM, VAULTS, self.patch)
        router.add("DELETE", Shape.ITEM, VAULTS, self.delete)
        router.add("GET", Shape.COLLECTION, VAULTS, self.list_all)
        router.add("PUT", Shape.ITEM, f"{VAULTS}/accessPolicies", self.access_policies)
        router.add("GET", Shape.ITEM, DELETED, self.get_deleted)
        router.add("POST", Shape.ACTION, f"{DELETED}/purge", self.purge)
        router.add("GET", Shape.COLLECTION, "Microsoft.KeyVault/deletedVaults", self.list_deleted)

    def get(self, call: Call) -> ArmResponse:
        """The vault."""
        vault = self._world.store.require(call.id, Vault)
        return ArmResponse(200, self.render(vault, call.request.api_version))

    def list_all(self, call: Call) -> ArmResponse:
        """Vaults of a group or a subscription, with their properties."""
        store, target = self._world.store, call.target
        if target.group is not None:
            store.require_group(target.subscription, target.group)
        prefix = scope_prefix(target.subscription, target.group)
        rows = (vault for vault in store.of_type(VAULTS, Vault) if vault.id.key.startswith(prefix))
        version = call.request.api_version
        return page(
            self._world,
            call.request,
            rows,
            lambda vault: self.render(vault, version),
            action=call.action,
            null_next_link=True,
        )

    def put(self, call: Call) -> ArmResponse:
        """Create or replace. A new vault registers its name for some 31 s; the answer has no trailing slash."""
        store, body = self._world.store, call.request.body
        store.require_group(call.target.subscription, call.id.group or "")
        existing = store.find(call.id, Vault)
        properties = dict(body.get("properties") or {})
        location = body.get("location")
        if not location:
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        recover = properties.pop("createMode", "default") == "recover"
        if existing is None:
            self._check_name(call)
            deleted = store.deleted_vaults.get(call.id.name.casefold())
            if deleted is not None and recover:
                store.deleted_vaults.pop(call.id.name.casefold())
                return self._registered(call, deleted.vault)
            if deleted is not None:
                raise ArmError(
                    409,
                    "ConflictError",
                    f"A vault with the same name already exists in deleted state. You need to either recover or purge "
                    f"existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more "
                    f"information on soft delete. Vault: {call.id.name}.",
                )
        for required in ("sku", "tenantId"):
            if required not in properties:
                raise bad_request(f"The parameter {required} is not specified.")
        _refuse_irreversible(properties)
        if existing is not None:
            self._keep_omitted(existing, properties)
            if existing.properties.get("enablePurgeProtection"):
                properties.setdefault("enablePurgeProtection", True)
        elif properties.get("enableRbacAuthorization") is None and call.request.api_version >= _RBAC_SINCE:
            properties["enableRbacAuthorization"] = True
        stamp = self._stamp(call)
        vault = Vault(
            id=call.id if existing is None else existing.id,
            location=location,
            tags=dict(body.get("tags") or {}),
            properties=properties,
            created=stamp if existing is None else existing.created,
            modified=stamp,
        )
        if existing is None:
            return self._registered(call, vault)
        store.put(vault)
        return ArmResponse(200, self.render(vault, call.request.api_version, slash=False))

    def _check_name(self, call: Call) -> None:
        name = call.id.name
        if not _NAME.fullmatch(name):
            raise ArmError(
                400,
                "VaultNameNotValid",
                f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. "
                "The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.",
            )
        for vault in self._world.store.of_type(VAULTS, Vault):
            if vault.id.name.casefold() == name.casefold():
                raise ArmError(
                    409,
                    "VaultAlreadyExists",
                    f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible "
                    "that the name is already taken.",
                )

    def _registered(self, call: Call, vault: Vault) -> ArmResponse:
        vault.state = State.REGISTERING_DNS
        self._world.store.put(vault)

        def registered() -> None:
            vault.state = State.SUCCEEDED

        call.operation = self._world.operations.start(
            Protocol.KEY_VAULT,
            seconds=REGISTER_DNS_SECONDS,
            retry_after=0,
            finish=registered,
            subscription=vault.id.subscription,
        )
        return ArmResponse(200, self.render(vault, call.request.api_version, slash=False))

    def patch(self, call: Call) -> ArmResponse:
        """Change only what the body has: tags, and each property on its own."""
        vault = self._world.store.require(call.id, Vault)
        body = call.request.body
        if "tags" in body:
            vault.tags = dict(body["tags"] or {})
        sent = dict(body.get("properties") or {})
        _refuse_irreversible(sent)
        if "networkAcls" in sent:
            self._keep_omitted(vault, sent)
        vault.properties.update(sent)
        vault.modified = self._stamp(call)
        return ArmResponse(200, self.render(vault, call.request.api_version))

    def _keep_omitted(self, vault: Vault, sent: dict[str, Any]) -> None:
        """Fill what the body omits of `networkAcls` with what the vault has, where the switch says so."""
        before = vault.properties.get("networkAcls")
        if self._world.switches.omitted_network_acls is Omitted.KEPT and before:
            now = sent.get("networkAcls", {})
            if isinstance(now, dict):
                sent["networkAcls"] = {**before, **now}

    def _stamp(self, call: Call) -> Stamp:
        who = call.request.principal
        return Stamp(who.shown, "User" if who.upn else "Application", self._world.clock.now())

    def access_policies(self, call: Call) -> ArmResponse:
        """Add, replace or remove access policies: `vaults/{name}/accessPolicies/{add|replace|remove}`."""
        parent = call.id.parent
        assert parent is not None
        vault = self._world.store.require(parent, Vault)
        sent: list[Json] = (call.request.body.get("properties") or {}).get("accessPolicies") or []
        named = {_policy_key(policy) for policy in sent}
        kept = [old for old in vault.properties.get("accessPolicies") or [] if _policy_key(old) not in named]
        match call.id.name.casefold():
            case "add" | "replace":
                vault.properties["accessPolicies"] = [*kept, *sent]
            case "remove":
                vault.properties["accessPolicies"] = kept
            case other:
                raise bad_request(f"The operation kind '{other}' is unknown.")
        vault.modified = self._stamp(call)
        call.changed = call.id
        shown = {"accessPolicies": vault.properties["accessPolicies"]}
        return ArmResponse(
            200,
            {
                "id": f"{vault.id.text}/accessPolicies/",
                "type": f"{VAULTS}/accessPolicies",
                "location": vault.location,
                "properties": shown,
            },
        )

    def delete(self, call: Call) -> ArmResponse:
        """Soft-delete: 200 at once, 404 for a vault that does not exist."""
        vault = self._world.store.require(call.id, Vault)
        self.remove(vault)
        return ArmResponse(200)

    def remove(self, vault: Vault) -> None:
        """Soft-delete the vault and cut its connections, whose endpoints see Disconnected.

        Its role assignments go for good, its diagnostic settings come back with it.
        Source: https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery
        """
        store = self._world.store
        for assignment in store.referrers(vault.id, Assignment):
            store.remove(assignment.id)
        for connection in store.children(vault.id, Connection):
            connections.disconnect_endpoint(self._world, connection)
            store.remove(connection.id)
        store.remove(vault.id)
        store.deleted_vaults[vault.id.name.casefold()] = DeletedVault(vault, self._world.clock.now())

    def _deleted(self, name: str, location: str) -> DeletedVault:
        found = self._world.store.deleted_vaults.get(name.casefold())
        if found is None:
            raise ArmError(
                404,
                "DeletedVaultNotFound",
                f"The specified deleted vault '{name}' does not exist in location '{location}'.",
            )
        return found

    def get_deleted(self, call: Call) -> ArmResponse:
        """A soft-deleted vault."""
        return ArmResponse(200, self._render_deleted(self._deleted(call.id.name, call.target.names[0])))

    def list_deleted(self, call: Call) -> ArmResponse:
        """All soft-deleted vaults of a subscription."""
        rows = [
            self._render_deleted(deleted)
            for deleted in self._world.store.deleted_vaults.values()
            if deleted.vault.id.subscription.casefold() == call.target.subscription.casefold()
        ]
        body: Json = {"value": rows}
        end_of_list(body, self._world.switches.last_next_link, recorded_as_null=True)
        return ArmResponse(200, body)

    def purge(self, call: Call) -> ArmResponse:
        """Free the name of a deleted vault for good: 202, then 200 at the Location."""
        location, name = call.target.names
        if self._deleted(name, location).vault.properties.get("enablePurgeProtection"):
            raise ArmError(405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")
        operation = self._world.operations.start(
            Protocol.KEY_VAULT,
            seconds=PURGE_SECONDS,
            retry_after=5,
            finish=lambda: _forget(self._world, name),
            subscription=call.target.subscription,
            location=location,
            result=lambda: ArmResponse(200),
        )
        call.operation = operation
        return ArmResponse(
            202,
            None,
            {
                "Location": self._world.operations.url(operation.result_path(), call.request),
                "Retry-After": self._world.clock.retry_after(operation.retry_after),
            },
        )

    def _render_deleted(self, deleted: DeletedVault) -> Json:
        vault = deleted.vault
        location = (vault.location or "").replace(" ", "").casefold()
        properties: Json = {
            "vaultId": vault.id.text,
            "location": vault.location,
            "tags": vault.tags or {},
            "deletionDate": iso(deleted.deleted_at),
            "scheduledPurgeDate": iso(deleted.deleted_at + timedelta(days=RETENTION_DAYS)),
        }
        if vault.properties.get("enablePurgeProtection"):
            properties["purgeProtectionEnabled"] = True
        return {
            "id": f"/subscriptions/{vault.id.subscription}/providers/Microsoft.KeyVault/locations/{location}"
            f"/deletedVaults/{vault.id.name}",
            "name": vault.id.name,
            "type": "Microsoft.KeyVault/deletedVaults",
            "properties": properties,
        }

    def render(self, vault: Vault, api_version: str, *, slash: bool = True) -> Json:
        """The body.

        `networkAcls` is absent when never set and for the default {AzureServices, Allow}; `publicNetworkAccess` is
        absent before api-version 2021-06-01-preview; `privateEndpointConnections` is absent without any.
        """
        sent = vault.properties
        switches = self._world.switches
        suffix = switches.key_vault_dns_suffix
        properties: dict[str, Any] = {
            "sku": sent["sku"],
            "tenantId": sent["tenantId"],
        }
        acls = self._network_acls(sent.get("networkAcls"))
        show(properties, "networkAcls", acls, switches.unset_network_acls, empty={}, filled=self._default_acls())
        rows = [
            connections.render_nested(self._world, connection)
            for connection in self._world.store.children(vault.id, Connection)
        ]
        show(properties, "privateEndpointConnections", rows, switches.unset_vault_connections, empty=[])
        properties["accessPolicies"] = sent.get("accessPolicies") or []
        properties["enabledForDeployment"] = bool(sent.get("enabledForDeployment"))
        for optional in ("enabledForDiskEncryption", "enabledForTemplateDeployment", "enablePurgeProtection"):
            if sent.get(optional) is not None:
                properties[optional] = sent[optional]
        properties["enableSoftDelete"] = True
        properties["softDeleteRetentionInDays"] = sent.get("softDeleteRetentionInDays") or RETENTION_DAYS
        rbac = sent.get("enableRbacAuthorization")
        show(properties, "enableRbacAuthorization", rbac, switches.unset_rbac_authorization, filled=False)
        properties["vaultUri"] = f"https://{vault.id.name.casefold()}.{suffix}{'/' if slash else ''}"
        properties["provisioningState"] = vault.state.value
        if api_version >= _PUBLIC_ACCESS_SINCE:
            properties["publicNetworkAccess"] = switches.public_network_access_casing.apply(
                sent.get("publicNetworkAccess") or "Enabled"
            )
        body: Json = {"id": vault.id.text, "name": vault.id.name, "type": VAULTS, "location": vault.location}
        show(body, "tags", vault.tags, switches.unset_tags, empty={})
        body["systemData"] = {
            "createdBy": vault.created.by,
            "createdByType": vault.created.type,
            "createdAt": iso(vault.created.at),
            "lastModifiedBy": vault.modified.by,
            "lastModifiedByType": vault.modified.type,
            "lastModifiedAt": iso(vault.modified.at),
        }
        body["properties"] = properties
        return body

    def _default_acls(self) -> Json:
        acls: Json = {"bypass": "AzureServices", "defaultAction": "Allow"}
        for member in ("ipRules", "virtualNetworkRules"):
            show(acls, member, [], self._world.switches.unset_network_rules, empty=[])
        return acls

    def _network_acls(self, sent: Json | None) -> Json | None:
        """The rules as the service keeps them; None for none and for the default ones."""
        if not sent:
            return None
        switches = self._world.switches
        addresses = [{"value": _as_range(rule["value"])} for rule in sent.get("ipRules") or []]
        networks = [
            {**rule, "id": switches.rule_id_casing.apply(rule["id"])} for rule in sent.get("virtualNetworkRules") or []
        ]
        bypass, action = sent.get("bypass") or "AzureServices", sent.get("defaultAction") or "Allow"
        if bypass == "AzureServices" and action == "Allow" and not addresses and not networks:
            return None
        acls: Json = {"bypass": bypass, "defaultAction": action}
        show(acls, "ipRules", addresses, switches.unset_network_rules, empty=[])
        show(acls, "virtualNetworkRules", networks, switches.unset_network_rules, empty=[])
        return acls


def _forget(world: World, name: str) -> None:
    world.store.deleted_vaults.pop(name.casefold(), None)


def _refuse_irreversible(sent: Json) -> None:
    """Purge protection, once on, stays on; false is refused even where it is off."""
    if sent.get("enablePurgeProtection") is False:
        raise bad_request(
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault '
            "is an irreversible action."
        )


def _policy_key(policy: Json) -> tuple[str, str]:
    return str(policy.get("objectId", "")).casefold(), str(policy.get("applicationId", "")).casefold()


def _as_range(value: str) -> str:
    return value if "/" in value else f"{value}/32"
