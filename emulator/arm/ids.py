"""Resource ids: parsed, compared without regard to case, written back in the case of their creation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class ResourceId:
    """One Azure resource: subscription, group (None at subscription level), provider and its type/name pairs.

    ``base`` is the id of the resource that an extension resource lies on, empty for any other.
    Shape: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """

    subscription: str
    group: str | None
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    base: str = ""

    @cached_property
    def text(self) -> str:
        """The id as ARM writes it, with `resourceGroups` in camel case."""
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.scope}/providers/{self.provider}{pairs}"

    @property
    def scope(self) -> str:
        """What the resource lies in or on: its subscription, its group, or the resource that it extends."""
        if self.base:
            return self.base
        scope = f"/subscriptions/{self.subscription}"
        return scope if self.group is None else f"{scope}/resourceGroups/{self.group}"

    @cached_property
    def upper_text(self) -> str:
        """The id with group and names upper-cased, as subnets show the endpoints and configurations inside them."""
        upper = replace(
            self,
            group=None if self.group is None else self.group.upper(),
            names=tuple(name.upper() for name in self.names),
        )
        return upper.text

    @cached_property
    def key(self) -> str:
        """What two spellings of one resource have in common."""
        return self.text.casefold()

    @cached_property
    def type(self) -> str:
        """The full type, e.g. `Microsoft.Network/virtualNetworks/subnets`."""
        return f"{self.provider}/{'/'.join(self.types)}"

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1]

    @cached_property
    def parent(self) -> ResourceId | None:
        """The resource this one lies in, or None for a top-level resource."""
        if len(self.types) == 1:
            return None
        return replace(self, types=self.types[:-1], names=self.names[:-1])

    def __deepcopy__(self, memo: dict[int, Any]) -> ResourceId:
        """Itself, since it never changes."""
        return self

    def child(self, kind: str, name: str) -> ResourceId:
        """A resource of the given child type below this one."""
        return replace(self, types=(*self.types, kind), names=(*self.names, name))

    def sibling(self, kind: str, name: str) -> ResourceId:
        """A top-level resource of the same provider, subscription and group."""
        return replace(self, types=(kind,), names=(name,))

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Read an id as a request body carries it. Raises ValueError for anything but a complete resource id."""
        parts = [part for part in text.split("/") if part]
        if len(parts) < 2 or parts[0].casefold() != "subscriptions":
            raise ValueError(f"not a resource id: {text!r}")
        base, own = split_extension(parts)
        if base:
            inner = cls.parse("/".join(base))
            extension = cls.parse("/".join([*parts[:2], *own]))
            return replace(extension, group=inner.group, base=inner.text)
        group: str | None = None
        rest = parts[2:]
        if len(rest) >= 2 and rest[0].casefold() == "resourcegroups":
            group, rest = rest[1], rest[2:]
        if len(rest) < 4 or rest[0].casefold() != "providers" or len(rest) % 2:
            raise ValueError(f"not a resource id: {text!r}")
        return cls(parts[1], group, rest[1], tuple(rest[2::2]), tuple(rest[3::2]))


def is_within(scope: str, resource: str) -> bool:
    """Whether an id lies at or below a scope, whole segments compared without regard to case."""
    outer, inner = scope.rstrip("/").casefold(), resource.rstrip("/").casefold()
    return inner == outer or inner.startswith(f"{outer}/")


def split_extension(parts: list[str]) -> tuple[list[str], list[str]]:
    """The segments of an id or path, split into what is extended (empty: nothing is) and what extends it.

    An extension resource has a second `providers` segment.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/extension-resource-types
    """
    found = [index for index, part in enumerate(parts) if part.casefold() == "providers"]
    return ([], parts) if len(found) < 2 else (parts[: found[-1]], parts[found[-1] :])
