"""Route templates of HTTP triggers, as ASP.NET Core reads them.

`literal`, `{name}`, `{name?}` at the end, `{*rest}` at the end. Matching ignores case. A method that a
function does not list is **404**, not 405: the method is a constraint of the route
(https://github.com/Azure/azure-functions-host/issues/10098).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from emulator.host.index import FunctionSpec, HttpTrigger, IndexingError

_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_][A-Za-z0-9_-]*)(\?)?\}")


@dataclass(frozen=True)
class RouteMatch:
    """The function and the values of its route parameters, decoded; an absent optional one is left out."""

    spec: FunctionSpec
    trigger: HttpTrigger
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class _Route:
    spec: FunctionSpec
    trigger: HttpTrigger
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


class RouteTable:
    """All HTTP functions of an app under one prefix."""

    def __init__(self, specs: Sequence[FunctionSpec], prefix: str) -> None:
        routes = [_compile(spec, spec.trigger, prefix) for spec in specs if isinstance(spec.trigger, HttpTrigger)]
        self._routes = sorted(routes, key=lambda route: route.rank)

    def match(self, method: str, raw_path: str) -> RouteMatch | None:
        """The function that serves `method` on `raw_path` (as sent, percent-encoded), the most literal route
        first."""
        path = raw_path.strip("/")
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if found is None or (route.trigger.methods and method not in route.trigger.methods):
                continue
            values = {name: unquote(value) for name, value in found.groupdict().items() if value}
            return RouteMatch(route.spec, route.trigger, {_public_name(name): value for name, value in values.items()})
        return None


def _compile(spec: FunctionSpec, trigger: HttpTrigger, prefix: str) -> _Route:
    pattern, rank = "", []
    for segment in "/".join(part for part in (prefix, trigger.route) if part).split("/"):
        separator = "/" if pattern else ""
        whole = _PARAMETER.fullmatch(segment)
        if whole and whole.group(1):
            pattern += f"(?:{separator}(?P<{_group(whole.group(2))}>.*))?"
            rank.append(3)
        elif whole and whole.group(3):
            pattern += f"(?:{separator}(?P<{_group(whole.group(2))}>[^/]+))?"
            rank.append(2)
        else:
            pattern += separator + _segment(spec, segment)
            rank.append(1 if "{" in segment else 0)
    return _Route(spec, trigger, re.compile(pattern, re.IGNORECASE), tuple(rank))


def _segment(spec: FunctionSpec, segment: str) -> str:
    pattern, position = "", 0
    for found in _PARAMETER.finditer(segment):
        if found.group(1) or found.group(3):
            raise IndexingError(f"{spec.name}: '{found.group()}' must be a whole segment of the route")
        pattern += re.escape(segment[position : found.start()]) + f"(?P<{_group(found.group(2))}>[^/]+)"
        position = found.end()
    rest = segment[position:]
    if "{" in rest or "}" in rest:
        raise IndexingError(f"{spec.name}: route constraints are not served by this host: '{segment}'")
    return pattern + re.escape(rest)


def _group(name: str) -> str:
    return "p_" + name.replace("-", "__dash__")


def _public_name(group: str) -> str:
    return group.removeprefix("p_").replace("__dash__", "-")
