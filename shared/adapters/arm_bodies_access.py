"""The parts of the bodies around a vault that kvguard reads: logs, roles, deleted vaults; see ``arm_bodies``."""

from __future__ import annotations

from shared.adapters.arm_bodies import Body


class LogSetting(Body):
    """One category, or one category group, of a diagnostic setting."""

    enabled: bool
    category: str | None = None
    category_group: str | None = None


class DiagnosticProperties(Body):
    """Where logs go. ``logs`` is absent in a setting of metrics alone."""

    logs: list[LogSetting] | None = None
    workspace_id: str | None = None
    storage_account_id: str | None = None
    event_hub_authorization_rule_id: str | None = None


class DiagnosticBody(Body):
    """A diagnostic setting."""

    id: str
    properties: DiagnosticProperties


class AssignmentProperties(Body):
    """Properties of a role assignment; ``condition`` is absent or null without one."""

    principal_id: str
    role_definition_id: str
    scope: str
    condition: str | None = None


class AssignmentBody(Body):
    """A role assignment."""

    properties: AssignmentProperties


class PermissionBody(Body):
    """One block of permissions: what it grants less what it takes back, other blocks untouched."""

    data_actions: list[str] | None = None
    not_data_actions: list[str] | None = None


class RoleProperties(Body):
    """Properties of a role definition."""

    permissions: list[PermissionBody]
    role_name: str | None = None


class RoleBody(Body):
    """A role definition."""

    properties: RoleProperties


class DeletedProperties(Body):
    """Which vault it was."""

    vault_id: str
    location: str | None = None


class DeletedBody(Body):
    """A soft-deleted vault."""

    properties: DeletedProperties
