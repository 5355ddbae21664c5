"""Discovery of a cloud that is none of Azure's public ones, such as Azure Stack: from the metadata of its ARM endpoint.

Source: https://learn.microsoft.com/azure-stack/user/azure-stack-version-profiles-azurecli2
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from shared.adapters import arm_api as api
from shared.adapters.arm_client import ArmClient, Origin
from shared.adapters.arm_errors import ArmUndecodable
from shared.adapters.clock import SystemClock
from shared.domain.clouds import CUSTOM, Cloud, private_zone_of

_SECONDS: Final = 10.0


class _Authentication(msgspec.Struct, rename="camel"):
    login_endpoint: str
    audiences: list[str]


class _Suffixes(msgspec.Struct, rename="camel"):
    """Some clouds write the suffix with a leading dot."""

    key_vault_dns: str


class _Metadata(msgspec.Struct, rename="camel"):
    """One cloud. Older versions of the route answer their own cloud alone and without ``resourceManager``.

    ``microsoft_graph_resource_id`` is missing there too: their ``graph`` is Azure AD Graph, another service.
    """

    authentication: _Authentication | None = None
    suffixes: _Suffixes | None = None
    name: str | None = None
    resource_manager: str | None = None
    microsoft_graph_resource_id: str | None = None


_DOCUMENT: Final = msgspec.json.Decoder(_Metadata | list[_Metadata])


def discover_cloud(arm_endpoint: str) -> Cloud:
    """The cloud behind an ARM endpoint, read over https with its certificate verified; no token is sent.

    Of a list, the entry of this very endpoint is taken. Raises EstateError when it cannot be read or does not say
    enough, ValueError for an endpoint that is not an https URL.
    """
    asked = Cloud(CUSTOM, arm_endpoint, "", "", "", "")
    deadline = SystemClock().deadline(_SECONDS)
    body = ArmClient(asked, None).get("/metadata/endpoints", api.METADATA_API, deadline=deadline).body
    try:
        document = _DOCUMENT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArmUndecodable(f"metadata of {arm_endpoint}: {str(error)[:200]}") from error
    return _cloud(arm_endpoint, _own(arm_endpoint, document))


def _own(arm_endpoint: str, document: _Metadata | list[_Metadata]) -> _Metadata:
    if isinstance(document, _Metadata):
        return document
    origin = Origin.of(arm_endpoint)
    for entry in document:
        if entry.resource_manager and Origin.of(entry.resource_manager) == origin:
            return entry
    raise ArmUndecodable(f"metadata of {arm_endpoint}: none of its clouds has this endpoint")


def _cloud(arm_endpoint: str, found: _Metadata) -> Cloud:
    if found.authentication is None or not found.authentication.audiences or found.suffixes is None:
        raise ArmUndecodable(f"metadata of {arm_endpoint}: no audience or no Key Vault suffix")
    login = found.authentication.login_endpoint
    authority = urlsplit(login).netloc or login.strip("/")
    suffix = found.suffixes.key_vault_dns.strip(".").lower()
    try:
        private_zone = private_zone_of(suffix)
    except ValueError as error:
        raise ArmUndecodable(f"metadata of {arm_endpoint}: {error}") from error
    return Cloud(
        name=found.name or CUSTOM,
        arm_endpoint=str(Origin.of(arm_endpoint)),
        # Two slashes before .default are right for an audience that ends in one: it is part of the audience.
        arm_scope=f"{found.authentication.audiences[0]}/.default",
        authority=authority,
        vault_suffix=suffix,
        private_zone=private_zone,
        graph_hosts=_graph_hosts(found.microsoft_graph_resource_id),
    )


def _graph_hosts(address: str | None) -> tuple[str, ...]:
    """The host of Microsoft Graph, none when the metadata does not say."""
    host = urlsplit(address or "").hostname
    return () if host is None else (host,)
