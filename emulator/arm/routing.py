"""From method and path to a handler, with the name of the right that the call needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import unquote

from emulator.arm.errors import ArmError
from emulator.arm.ids import ResourceId, split_extension
from emulator.arm.messages import ArmRequest, ArmResponse
from emulator.arm.operations import Operation


class Shape(Enum):
    """What a path ends in."""

    ITEM = "item"
    COLLECTION = "collection"
    ACTION = "action"


@dataclass(frozen=True)
class Target:
    """A parsed path below a subscription.

    An item has as many names as types, a collection and an action one type more; `action` is the last one then.
    """

    subscription: str
    group: str | None
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    base: str = ""

    @property
    def parent_id(self) -> ResourceId | None:
        """The resource that a collection or an action belongs to, None for top-level collections."""
        if not self.names:
            return None
        depth = len(self.names)
        return ResourceId(self.subscription, self.group, self.provider, self.types[:depth], self.names, self.base)

    @property
    def scope(self) -> str:
        """The scope whose rights a collection needs."""
        if self.parent_id is not None:
            return self.parent_id.text
        if self.base:
            return self.base
        base = f"/subscriptions/{self.subscription}"
        return base if self.group is None else f"{base}/resourceGroups/{self.group}"


@dataclass
class Call:
    """One request on its way through a provider.

    Handlers of writes may set `operation`, so that the event tells of its end, and `changed`, the id that events
    and the log name when it differs from the path's. A 204 tells of no change unless they set `tell_no_content`.
    """

    request: ArmRequest
    target: Target
    action: str
    operation: Operation | None = None
    changed: ResourceId | None = None
    tell_no_content: bool = False

    @property
    def id(self) -> ResourceId:
        """The resource an item request is about."""
        return ResourceId(
            self.target.subscription,
            self.target.group,
            self.target.provider,
            self.target.types[: len(self.target.names)],
            self.target.names,
            self.target.base,
        )


Handler = Callable[[Call], ArmResponse]


@dataclass(frozen=True)
class Route:
    """A handler and the right it needs."""

    handler: Handler
    action: str


_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Router:
    """All routes of all providers; types are found without regard to case and written back as registered."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, Shape, str], Route] = {}
        self._types: dict[str, str] = {}

    def add(self, method: str, shape: Shape, type_name: str, handler: Handler) -> None:
        """Register a handler for a full type name; for an action its last segment is the action's name."""
        action = f"{type_name}/action" if shape is Shape.ACTION else f"{type_name}/{_VERBS[method]}"
        self._routes[(method, shape, type_name.casefold())] = Route(handler, action)
        parts = type_name.split("/")
        for depth in range(2, len(parts) + 1):
            self._types.setdefault("/".join(parts[:depth]).casefold(), "/".join(parts[:depth]))

    def resolve(self, method: str, path: str) -> tuple[Route, Target]:
        """Find the route of a path below `/subscriptions/{id}[/resourceGroups/{name}]/providers/`.

        The path of an extension resource begins with the id of the resource that it extends.
        Raises ArmError 400 or 404 for paths and types nobody serves, 405 for a method that the type lacks.
        """
        parts = [unquote(part) for part in path.split("/") if part]
        extended, own = split_extension(parts)
        base = self._canonical(extended, path) if extended else None
        subscription, rest = parts[1], own if extended else parts[2:]
        group: str | None = None if base is None else base.group
        if rest and rest[0].casefold() == "resourcegroups":
            group, rest = rest[1], rest[2:]
        if len(rest) < 3 or rest[0].casefold() != "providers":
            raise ArmError(404, "InvalidResourceType", f"The path '{path}' names no resource.", gateway=True)
        segments = rest[2:]
        canonical = self._types.get("/".join([rest[1], *segments[::2]]).casefold())
        if canonical is None:
            raise ArmError(
                404,
                "InvalidResourceType",
                f"The resource type could not be found in the namespace '{rest[1]}' for the api version given.",
                gateway=True,
            )
        provider, *types = canonical.split("/")
        extends = "" if base is None else base.text
        target = Target(subscription, group, provider, tuple(types), tuple(segments[1::2]), extends)
        below = Shape.ACTION if method == "POST" else Shape.COLLECTION
        shape = below if len(segments) % 2 else Shape.ITEM
        route = self._routes.get((method, shape, canonical.casefold()))
        if route is None:
            raise ArmError(
                405, "MethodNotAllowed", f"The method '{method}' is not allowed for '{canonical}'.", gateway=True
            )
        return route, target

    def _canonical(self, parts: list[str], path: str) -> ResourceId:
        """The id of an extended resource, its type spelled as registered."""
        try:
            found = ResourceId.parse("/".join(parts))
        except ValueError as error:
            raise ArmError(404, "InvalidResourceType", f"The path '{path}' names no resource.", gateway=True) from error
        canonical = self._types.get(found.type.casefold())
        if canonical is None:
            return found
        provider, *types = canonical.split("/")
        return replace(found, provider=provider, types=tuple(types))
