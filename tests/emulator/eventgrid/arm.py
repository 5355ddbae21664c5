"""Changes of Resource Manager, as a publisher would describe them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
VAULT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"


class Kind(Enum):
    WRITE = "Write"
    DELETE = "Delete"
    ACTION = "Action"


@dataclass(frozen=True)
class Principal:
    name: str = "pipeline"
    oid: str = "22222222-2222-2222-2222-222222222222"
    appid: str = "33333333-3333-3333-3333-333333333333"
    upn: str | None = None


@dataclass(frozen=True)
class Change:
    resource_id: str = VAULT
    operation_name: str = "Microsoft.KeyVault/vaults/write"
    kind: Kind = Kind.WRITE
    status: str = "Success"
    principal: Principal = field(default_factory=Principal)
    correlation_id: str = "44444444-4444-4444-4444-444444444444"
    time: datetime = datetime(2026, 11, 21, 10, 20, 30, 123456, tzinfo=UTC)
    subscription: str = SUBSCRIPTION
    tenant: str = "55555555-5555-5555-5555-555555555555"
    http_method: str = "PUT"
