"""The resources there are: found by id without regard to case, by type, by parent, and by what they refer to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from emulator.arm import errors
from emulator.arm.ids import ResourceId
from emulator.arm.resources import DeletedVault, Resource

R = TypeVar("R", bound=Resource)


@dataclass
class Group:
    """A resource group."""

    subscription: str
    name: str
    location: str
    tags: dict[str, str] | None = None
    state: str = "Succeeded"


@dataclass(frozen=True)
class Subscription:
    """A subscription of the tenant."""

    id: str
    name: str


@dataclass
class Store:
    """All state of the Resource Manager. `lock` is held while a request is served or a test seeds."""

    tenant: str
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    deleted_vaults: dict[str, DeletedVault] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _resources: dict[str, Resource] = field(default_factory=dict)
    _by_type: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _children: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _referrers: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _references: dict[str, set[str]] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)

    def add_subscription(self, subscription: str, name: str) -> None:
        """Make a subscription known."""
        self.subscriptions[subscription.casefold()] = Subscription(subscription, name)

    def require_subscription(self, subscription: str) -> Subscription:
        """The subscription, or the 404 that Azure answers with."""
        found = self.subscriptions.get(subscription.casefold())
        if found is None:
            raise errors.subscription_not_found(subscription)
        return found

    def require_group(self, subscription: str, group: str) -> Group:
        """The resource group, or the 404 that Azure answers with."""
        self.require_subscription(subscription)
        found = self.groups.get((subscription.casefold(), group.casefold()))
        if found is None:
            raise errors.group_not_found(group)
        return found

    def put(self, resource: Resource) -> None:
        """Store a resource under its id, replacing one of the same id together with what that referred to."""
        key = resource.id.key
        self._forget_references(key)
        self._resources[key] = resource
        self._by_type.setdefault(resource.id.type.casefold(), {})[key] = resource
        parent = resource.id.parent
        if parent is not None:
            self._children.setdefault(parent.key, {})[key] = resource
        self._changed.add(key)
        resource.watched_by(self._changed)

    def changed(self, resource: Resource) -> None:
        """Tell that something inside a member of a resource has changed."""
        self._changed.add(resource.id.key)

    def take_changed(self) -> list[str]:
        """The keys of resources put, changed or removed since the last call."""
        keys = list(self._changed)
        self._changed.clear()
        return keys

    def all_keys(self) -> list[str]:
        """The keys of all resources."""
        return list(self._resources)

    def references(self, key: str) -> list[str]:
        """The ids that a resource refers to."""
        return list(self._references.get(key, ()))

    def remove(self, target: ResourceId) -> None:
        """Forget a resource, if it is there."""
        key = target.key
        if self._resources.pop(key, None) is None:
            return
        self._by_type[target.type.casefold()].pop(key)
        parent = target.parent
        if parent is not None:
            self._children[parent.key].pop(key)
        self._forget_references(key)
        self._changed.add(key)

    def _forget_references(self, key: str) -> None:
        for referred in self._references.pop(key, set()):
            self._referrers[referred].pop(key, None)

    def find(self, target: ResourceId | str, kind: type[R]) -> R | None:
        """The resource of that id and class, or None."""
        key = target.casefold().rstrip("/") if isinstance(target, str) else target.key
        found = self._resources.get(key)
        return found if isinstance(found, kind) else None

    def require(self, target: ResourceId, kind: type[R]) -> R:
        """The resource, or the 404 for it, its parent's parent or its group, whichever is missing first."""
        if target.group is not None:
            self.require_group(target.subscription, target.group)
        found = self.find(target, kind)
        if found is None:
            if target.parent is not None and self.find(target.parent, Resource) is None:
                raise errors.parent_not_found(target)
            raise errors.resource_not_found(target)
        return found

    def of_type(self, type_name: str, kind: type[R]) -> Iterator[R]:
        """All resources of a full type name, in order of creation."""
        for resource in list(self._by_type.get(type_name.casefold(), {}).values()):
            if isinstance(resource, kind):
                yield resource

    def children(self, parent: ResourceId, kind: type[R]) -> Iterator[R]:
        """The direct children of one class, in order of creation."""
        for resource in list(self._children.get(parent.key, {}).values()):
            if isinstance(resource, kind):
                yield resource

    def refer(self, source: Resource, target: str) -> None:
        """Remember that a resource refers to an id, so that `referrers` finds it from there."""
        self._referrers.setdefault(target.casefold(), {})[source.id.key] = source
        self._references.setdefault(source.id.key, set()).add(target.casefold())

    def referrers(self, target: ResourceId | str, kind: type[R]) -> Iterator[R]:
        """The resources of one class that refer to an id."""
        key = target.casefold() if isinstance(target, str) else target.key
        for resource in list(self._referrers.get(key, {}).values()):
            if isinstance(resource, kind):
                yield resource

    def all(self) -> list[Resource]:
        """Every resource, in order of creation."""
        return list(self._resources.values())
