"""From the bodies of a vault, its logs and its roles to the domain's values; see ``arm_decode``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_bodies_access as access
from shared.adapters.arm_decode import arm_id, id_of, known
from shared.adapters.arm_errors import ArmUndecodable
from shared.domain.arm_id import CONNECTION, VAULT, ArmId, InvalidArmId
from shared.domain.vault import (
    AccessPolicy,
    Connection,
    ConnectionStatus,
    DefaultAction,
    DiagnosticSetting,
    NetworkAcl,
    PerimeterMode,
    PublicAccess,
    RoleAssignment,
    Vault,
    VaultSettings,
)

_BYPASS_DEFAULT: Final = "AzureServices"
_NOTHING: Final = bodies.VaultProperties()
_ROLE: Final = re.compile(r"/roleDefinitions/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.IGNORECASE)


def vault(body: bodies.VaultBody) -> Vault:
    """A vault with its connections and settings; its perimeters, logs and roles are other calls.

    Absent members have a meaning, but not all of them at once: raises ArmUndecodable for properties that say nothing.
    """
    properties = body.properties
    if properties == _NOTHING:
        raise ArmUndecodable("a vault without properties")
    own = id_of(body.id, VAULT)
    return Vault(
        id=own,
        location=body.location or "",
        public_access=known(PublicAccess, properties.public_network_access, PublicAccess.ENABLED),
        acl=None if properties.network_acls is None else _acl(properties.network_acls),
        provisioning_state=properties.provisioning_state or "",
        connections=tuple(_connection(entry, own) for entry in properties.private_endpoint_connections or ()),
        settings=_settings(properties, body.tags or {}),
    )


def _acl(body: bodies.AclBody) -> NetworkAcl:
    return NetworkAcl(
        default_action=known(DefaultAction, body.default_action, DefaultAction.ALLOW),
        bypass=body.bypass or _BYPASS_DEFAULT,
        ip_rules=tuple(rule.value for rule in body.ip_rules or ()),
        network_rules=tuple(arm_id(rule.id) for rule in body.virtual_network_rules or ()),
    )


def _connection(body: bodies.ConnectionBody, vault: ArmId) -> Connection:
    properties = body.properties or bodies.ConnectionProperties()
    state = properties.private_link_service_connection_state or bodies.ConnectionState()
    return Connection(
        id=id_of(body.id, CONNECTION, vault),
        status=known(ConnectionStatus, state.status),
        provisioning_state=properties.provisioning_state or "",
        endpoint=_endpoint_id(properties.private_endpoint),
        description=state.description or "",
    )


def _endpoint_id(reference: bodies.Reference | None) -> ArmId | None:
    """None for a connection that names no endpoint or a malformed one: the domain calls that an unsupported shape."""
    try:
        return None if reference is None or not reference.id else ArmId.parse(reference.id)
    except InvalidArmId:
        return None


def _settings(body: bodies.VaultProperties, tags: dict[str, str | None]) -> VaultSettings:
    """Flags are false until somebody sets them; only soft delete has another default, which depends on the vault's age.

    Source: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get
    """
    return VaultSettings(
        rbac=bool(body.enable_rbac_authorization),
        soft_delete=body.enable_soft_delete,
        purge_protection=bool(body.enable_purge_protection),
        retention_days=body.soft_delete_retention_in_days,
        deployment=bool(body.enabled_for_deployment),
        disk_encryption=bool(body.enabled_for_disk_encryption),
        template_deployment=bool(body.enabled_for_template_deployment),
        tenant=(body.tenant_id or "").lower(),
        tags=MappingProxyType({name: value or "" for name, value in tags.items()}),
        access_policies=tuple(_access_policy(entry) for entry in body.access_policies or ()),
    )


def _access_policy(body: bodies.AccessPolicyBody) -> AccessPolicy:
    return AccessPolicy(
        principal=body.object_id.lower(),
        tenant=body.tenant_id.lower(),
        keys=_lower(body.permissions.keys),
        secrets=_lower(body.permissions.secrets),
        certificates=_lower(body.permissions.certificates),
        storage=_lower(body.permissions.storage),
        application=(body.application_id or "").lower(),
    )


def perimeter(body: bodies.PerimeterBody) -> PerimeterMode:
    """The mode of an association. One that is not in force yet, or failed, is UNKNOWN: unknown is never compliant."""
    properties = body.properties or bodies.PerimeterProperties()
    association = properties.resource_association or bodies.ResourceAssociation()
    if (properties.provisioning_state or "").casefold() != "succeeded":
        return PerimeterMode.UNKNOWN
    return known(PerimeterMode, association.access_mode)


def diagnostic(body: access.DiagnosticBody) -> DiagnosticSetting:
    """A diagnostic setting with the categories and category groups that it has switched on.

    Source: https://learn.microsoft.com/azure/azure-monitor/essentials/diagnostic-settings
    """
    properties = body.properties
    return DiagnosticSetting(
        id=arm_id(body.id),
        categories=frozenset(
            name.lower()
            for log in properties.logs or ()
            if log.enabled
            for name in (log.category, log.category_group)
            if name
        ),
        workspace=arm_id(properties.workspace_id) if properties.workspace_id else None,
        storage=arm_id(properties.storage_account_id) if properties.storage_account_id else None,
        event_hub=bool(properties.event_hub_authorization_rule_id),
    )


def role_of(body: access.AssignmentBody) -> str:
    """The GUID of the role that is assigned, in lower case. Raises ArmUndecodable without one.

    Built-in roles come with and without a subscription in their id; the GUID is the same.
    """
    found = _ROLE.search(body.properties.role_definition_id)
    if found is None:
        raise ArmUndecodable(f"not the id of a role: {body.properties.role_definition_id[:200]!r}")
    return found.group(1).lower()


def assignments(body: access.AssignmentBody, role: access.RoleBody) -> Iterator[RoleAssignment]:
    """What an assignment allows on data: a value for each block of permissions of its role that grants any.

    What one block takes back does not touch what another one grants.
    Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions
    """
    for block in role.properties.permissions:
        yield RoleAssignment(
            principal=body.properties.principal_id.lower(),
            role=role.properties.role_name or role_of(body),
            scope=body.properties.scope,
            data_actions=_lower(block.data_actions),
            not_data_actions=_lower(block.not_data_actions),
            conditional=bool(body.properties.condition),
        )


def deleted_vault(body: access.DeletedBody) -> ArmId:
    """The id that a soft-deleted vault had."""
    return id_of(body.properties.vault_id, VAULT)


def _lower(texts: Iterable[str] | None) -> frozenset[str]:
    return frozenset(text.lower() for text in texts or ())
