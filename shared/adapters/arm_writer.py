"""Makes changes in Azure: one function per verb of ``shared.domain.change.Change``, none ever repeated here."""

from __future__ import annotations

from typing import assert_never

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from shared.adapters.arm_attempt import Attempt, NoAnswer, OutOfTime, WriteClients
from shared.adapters.arm_write_dns import (
    create_link,
    create_record,
    delete_link,
    delete_record,
    set_link_registration,
    update_record,
)
from shared.adapters.arm_write_endpoint import delete_endpoint
from shared.adapters.arm_write_vault import (
    decide_connection,
    delete_connection,
    set_network_acl,
    set_public_access,
)
from shared.adapters.arm_write_zone import create_zone, delete_zone
from shared.adapters.arm_write_zone_group import (
    create_zone_group,
    delete_zone_group,
    point_zone_group,
    refresh_zone_group,
)
from shared.domain.change import (
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    CreateZone,
    CreateZoneGroup,
    DeleteConnection,
    DeleteEndpoint,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    DeleteZoneGroup,
    PointZoneGroup,
    RefreshZoneGroup,
    RejectConnection,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.clouds import Cloud
from shared.domain.plan import Outcome
from shared.service.ports import Clock, Deadline


class ArmWriter:
    """Applies changes. The SDKs are imported, and a token asked for, with the first one. Thread-safe."""

    def __init__(self, credential: TokenCredential, cloud: Cloud, clock: Clock) -> None:
        self._clients = WriteClients(credential, cloud)
        self._clock = clock

    def apply(self, change: Change, change_id: str, *, deadline: Deadline) -> Outcome:
        """Make one change with its precondition.

        What Azure answers, and its silence, is the Outcome: nothing of that raises. A long operation is started and
        reported as Accepted. A Failed outcome with "unknown whether it was made" may have happened: read again.
        """
        attempt = Attempt(self._clients, self._clock, deadline, change.target, change_id)
        try:
            return _make(attempt, change)
        except OutOfTime as error:
            return attempt.failed(f"{error}; nothing was changed", retry=True)
        except NoAnswer as error:
            note = "unknown whether it was made" if attempt.writing else "nothing was changed"
            return attempt.failed(f"{error}; {note}", retry=True)
        except AzureError as error:
            return attempt.judged(error)
        except (ValueError, RecursionError) as error:
            # msgspec's errors, and what azure-core raises for a challenge that it cannot decode.
            note = "unknown whether it was made" if attempt.writing else "nothing was changed"
            return attempt.failed(f"the answer of Azure has an unknown shape: {error}; {note}", retry=False)


def _make(attempt: Attempt, change: Change) -> Outcome:
    match change:
        case CreateRecord():
            return create_record(attempt, change)
        case UpdateRecord():
            return update_record(attempt, change)
        case DeleteRecord():
            return delete_record(attempt, change)
        case CreateLink():
            return create_link(attempt, change)
        case DeleteLink():
            return delete_link(attempt, change)
        case DeleteConnection():
            return delete_connection(attempt, change)
        case ApproveConnection() | RejectConnection():
            return decide_connection(attempt, change)
        case SetPublicAccess():
            return set_public_access(attempt, change)
        case SetNetworkAcl():
            return set_network_acl(attempt, change)
        case RefreshZoneGroup():
            return refresh_zone_group(attempt, change)
        case SetLinkRegistration():
            return set_link_registration(attempt, change)
        case CreateZone():
            return create_zone(attempt, change)
        case DeleteZone():
            return delete_zone(attempt, change)
        case CreateZoneGroup():
            return create_zone_group(attempt, change)
        case PointZoneGroup():
            return point_zone_group(attempt, change)
        case DeleteZoneGroup():
            return delete_zone_group(attempt, change)
        case DeleteEndpoint():
            return delete_endpoint(attempt, change)
        case _:
            assert_never(change)
