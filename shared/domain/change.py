"""The changes kvguard can make: a closed union, one frozen class per verb, in files by what they change.

A change knows its target, what must still be true when it is made (``precondition``), what the snapshot looks like
afterwards (``simulate``) and how to take it back (``inverse``). It does not know how to talk to Azure.
"""

from __future__ import annotations

from shared.domain.change_base import Facts, Irreversible, Json
from shared.domain.change_dns import (
    CHANGE_ID,
    MANAGED_BY,
    OWNER,
    CreateLink,
    CreateRecord,
    CreateZone,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    SetLinkRegistration,
    UpdateRecord,
)
from shared.domain.change_endpoint import (
    CreateZoneGroup,
    DeleteEndpoint,
    DeleteZoneGroup,
    PointZoneGroup,
    RefreshZoneGroup,
)
from shared.domain.change_vault import (
    ApproveConnection,
    DeleteConnection,
    RejectConnection,
    SetNetworkAcl,
    SetPublicAccess,
)

Change = (
    CreateLink
    | CreateRecord
    | CreateZone
    | DeleteLink
    | DeleteRecord
    | DeleteZone
    | SetLinkRegistration
    | UpdateRecord
    | CreateZoneGroup
    | DeleteEndpoint
    | DeleteZoneGroup
    | PointZoneGroup
    | RefreshZoneGroup
    | ApproveConnection
    | DeleteConnection
    | RejectConnection
    | SetNetworkAcl
    | SetPublicAccess
)

__all__ = [
    "CHANGE_ID",
    "MANAGED_BY",
    "OWNER",
    "ApproveConnection",
    "Change",
    "CreateLink",
    "CreateRecord",
    "CreateZone",
    "CreateZoneGroup",
    "DeleteConnection",
    "DeleteEndpoint",
    "DeleteLink",
    "DeleteRecord",
    "DeleteZone",
    "DeleteZoneGroup",
    "Facts",
    "Irreversible",
    "Json",
    "PointZoneGroup",
    "RefreshZoneGroup",
    "RejectConnection",
    "SetLinkRegistration",
    "SetNetworkAcl",
    "SetPublicAccess",
    "UpdateRecord",
]
