"""The policy as it holds for one vault, as text for a terminal and as JSON."""

from __future__ import annotations

import json

from shared.domain.effective import Effective, EffectiveMode, EffectivePolicy, NamedExemption
from shared.reporting.columns import CELL, columns
from shared.reporting.text import plain, rfc3339


def effective_json(view: EffectivePolicy) -> str:
    """Everything as one JSON object."""
    body = {
        "vault": view.vault.text,
        "unusable": plain(view.unusable, CELL) or None,
        "profile": _value(view.profile),
        "modes": [_mode(mode) for mode in view.modes],
        "values": [_value(value) for value in view.values],
        "zones": [
            {
                "network": None if zone.network is None else zone.network.text,
                "zone": zone.zone.text,
                "writer": zone.writer,
                "link_resolution_policy": zone.link_resolution_policy,
            }
            for zone in view.zones
        ],
        "exemptions": [_exemption(named) for named in view.exemptions],
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def effective_table(view: EffectivePolicy) -> str:
    """Everything in tables, one below the other."""
    parts: list[list[str]] = [[f"Policy of vault {plain(view.vault.text, CELL)}"]]
    if view.unusable:
        parts.append([f"The policy is unusable, so nothing is changed: {plain(view.unusable, CELL)}"])
    values = ((value.name, value.value, value.origin) for value in (view.profile, *view.values))
    parts.append(columns(("value", "is", "origin"), values))
    parts.append(columns(("rule", "name", "mode", "origin", "exempt until"), map(_mode_cells, view.modes)))
    if view.zones:
        zones = (
            ("any other" if z.network is None else z.network.text, z.zone.text, z.writer, z.link_resolution_policy)
            for z in view.zones
        )
        parts.append(columns(("network", "zone", "writer", "resolution policy"), zones))
    if view.exemptions:
        header = ("exemption", "scope", "state", "until", "owner", "reason")
        parts.append(columns(header, map(_exemption_cells, view.exemptions)))
    return "\n\n".join("\n".join(lines) for lines in parts)


def _value(value: Effective) -> dict[str, str]:
    return {"name": value.name, "value": plain(value.value, CELL), "origin": plain(value.origin, CELL)}


def _mode(mode: EffectiveMode) -> dict[str, str | None]:
    until = None if mode.exempt_until is None else rfc3339(mode.exempt_until)
    return {
        "rule": mode.rule,
        "name": mode.name,
        "mode": mode.mode.value,
        "origin": plain(mode.origin, CELL),
        "exempt_until": until,
    }


def _mode_cells(mode: EffectiveMode) -> tuple[str, ...]:
    until = "" if mode.exempt_until is None else rfc3339(mode.exempt_until)
    return (mode.rule, mode.name, mode.mode.value, mode.origin, until)


def _exemption(named: NamedExemption) -> dict[str, str]:
    header = ("rule", "scope", "state", "expires", "owner", "reason")
    return dict(zip(header, (plain(cell, CELL) for cell in _exemption_cells(named)), strict=True))


def _exemption_cells(named: NamedExemption) -> tuple[str, ...]:
    entry, state = named.exemption, "in force" if named.in_force else "expired"
    return (entry.rule, entry.scope, state, rfc3339(entry.expires), entry.owner, entry.reason)
