"""KVG604 no-audit-log: who uses the vault cannot be known.

What it finds
-------------
No diagnostic setting of the vault sends its audit log (category ``AuditEvent``, or the group ``audit`` or ``allLogs``)
to a Log Analytics workspace. A storage account or an event hub alone is not enough: nothing can be asked there.

Why it matters
--------------
Before the public path is closed, the log is the only place that says who uses it. Without one, closing it is a guess,
and so is every question after an incident.

Example
-------
A diagnostic setting sends ``AllMetrics`` to the workspace and no log at all.

Remediation
-----------
Create a diagnostic setting that sends the category group ``audit`` to a workspace; the finding carries a ready command.

Remediation safety
------------------
Never by kvguard: the workspace, its cost and its retention are the owners' choice.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/logging
https://learn.microsoft.com/azure/key-vault/general/howto-logging
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import DiagnosticSetting, Vault

_AUDIT: Final = frozenset({"auditevent", "audit", "alllogs"})


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault when its audit log goes to no workspace."""
    vault = case.snapshot.vault
    if isinstance(vault.diagnostics, Unread):
        yield Unknown(vault.id, vault.diagnostics)
        return
    if any(_audits(setting) and setting.workspace is not None for setting in vault.diagnostics):
        return
    kept = sorted(_description(setting) for setting in vault.diagnostics)
    yield Violation(
        subject=vault.id,
        message=f"The audit log of vault {vault.name} is sent to no workspace, so who uses the vault cannot be known.",
        facts={"settings": kept},
        evidence=tuple(f"Diagnostic setting {entry}." for entry in kept),
        advice=_command(vault),
    )


def _audits(setting: DiagnosticSetting) -> bool:
    return any(category.lower() in _AUDIT for category in setting.categories)


def _description(setting: DiagnosticSetting) -> str:
    places = [
        *(("workspace",) if setting.workspace is not None else ()),
        *(("storage",) if setting.storage is not None else ()),
        *(("event hub",) if setting.event_hub else ()),
    ]
    logs = ", ".join(sorted(setting.categories)) or "no log"
    return f"{setting.id.name}: {logs} to {', '.join(places) or 'nowhere'}"


def _command(vault: Vault) -> str:
    """An az command line, each value quoted for a POSIX shell."""
    return shlex.join(
        [
            "az", "monitor", "diagnostic-settings", "create", "--name", f"audit-{vault.name}",
            "--resource", vault.id.text, "--logs", json.dumps([{"categoryGroup": "audit", "enabled": True}]),
            "--workspace", "<workspace>",
        ]
    )  # fmt: skip


RULE = Rule(
    id="KVG604",
    name="no-audit-log",
    title="The vault's audit log goes to no workspace",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType(
        {
            "Azure Policy": (
                "cf820ca0-f99e-4f3e-84fb-66e913812d21",
                "951af2fa-529b-416e-ab6e-066fd85ac459",
                "ed7c8c13-51e7-49d1-8a43-8490431a0da2",
            ),
            "CIS Azure 4.0": ("7.1.1.4",),
            "CIS Azure 5.0": ("6.1.1.4",),
            "CIS Azure 6.0": ("6.1.1.4",),
            "MCSB": ("DP-8", "LT-3"),
            "Prowler": ("keyvault_logging_enabled",),
            "ScoutSuite": ("logging-monitoring-logging-key-vault-disabled",),
            "PSRule": ("Azure.KeyVault.Logs",),
            "Steampipe": ("keyvault_logging_enabled",),
            "CloudSploit": ("kvLogAnalyticsEnabled",),
            "KICS": ("38c71c00-c177-4cd7-8d36-cd1007cdb190",),
        }
    ),
    at_events=False,
)
