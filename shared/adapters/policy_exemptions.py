"""Exemptions as a policy writes them. One that is wrong makes the whole policy unusable, so it silences nothing."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.adapters.policy_document import ExemptionEntry
from shared.adapters.policy_scopes import is_scope
from shared.domain.policy import Exemption, exemptable

LONGEST: Final = timedelta(days=366)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?\Z"
)


def read_exemptions(
    entries: Iterable[ExemptionEntry], rules: Container[str], now: datetime, problems: list[str]
) -> tuple[Exemption, ...]:
    """The exemptions; every error is added to ``problems`` with its place. One that has expired is no error."""
    found: dict[tuple[str, str], Exemption] = {}
    for number, entry in enumerate(entries):
        place = f"exemptions[{number}]"
        scope = entry.scope.removesuffix("/")
        if entry.rule not in rules:
            problems.append(f"{place}.rule: there is no such rule")
        elif not exemptable(entry.rule):
            problems.append(f"{place}.rule: what kvguard reports about itself cannot be exempted")
        if not is_scope(scope):
            problems.append(f"{place}.scope: not the id of a subscription, a resource group or a resource")
        for name, text in (("reason", entry.reason), ("owner", entry.owner)):
            if not text.strip():
                problems.append(f"{place}.{name}: says nothing")
        expires = _moment(entry.expires)
        if expires is None:
            problems.append(f"{place}.expires: not a date such as 2027-03-31, nor a time with its zone, in RFC 3339")
            continue
        if expires - now > LONGEST:
            problems.append(f"{place}.expires: more than {LONGEST.days} days ahead")
        if (entry.rule, scope.casefold()) in found:
            problems.append(f"{place}: this rule is exempted twice in this scope")
        found[entry.rule, scope.casefold()] = Exemption(
            entry.rule, scope, entry.reason.strip(), entry.owner.strip(), expires
        )
    return tuple(found.values())


def _moment(text: str) -> datetime | None:
    """A date, its beginning in UTC, or a time with its zone."""
    if not _MOMENT.match(text):
        return None
    try:
        found = datetime.fromisoformat(text.upper())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
