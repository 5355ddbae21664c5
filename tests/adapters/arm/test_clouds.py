"""Discovery of a cloud from its ARM endpoint, over verified TLS and without a token."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.azure import LocalAzure
from shared.adapters.arm_errors import ArmUndecodable
from shared.adapters.clouds import discover_cloud
from shared.domain.clouds import Service, endpoints
from shared.domain.grades import ClientRole
from shared.service.ports import EstateError, EstateUnavailable
from tests.adapters.arm.raw_server import RawServer, answer


def test_the_local_azure_is_found_in_its_list(azure: LocalAzure) -> None:
    cloud = discover_cloud(f"{azure.url}/")
    assert (cloud.name, cloud.arm_endpoint) == ("LocalAzure", azure.url)
    assert (cloud.vault_suffix, cloud.private_zone) == ("vault.azure.net", "privatelink.vaultcore.azure.net")
    assert cloud.arm_scope == "https://management.core.windows.net//.default"
    assert cloud.authority == azure.url.removeprefix("https://")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "authentication": {
            "loginEndpoint": "https://login.local.example/",
            "audiences": ["https://arm.local.example/1"],
        },
        "suffixes": {"keyVaultDns": ".vault.local.example"},
        **changes,
    }


def served(azure: LocalAzure, body: Any, status: str = "200 OK") -> RawServer:
    return RawServer(azure.ca_path.parent, lambda link: link.sendall(answer(json.dumps(body).encode(), status)))


def test_one_object_and_a_suffix_with_a_dot_are_understood(azure: LocalAzure) -> None:
    with served(azure, document()) as server:
        cloud = discover_cloud(server.url)
    assert (cloud.name, cloud.authority) == ("custom", "login.local.example")
    assert (cloud.vault_suffix, cloud.private_zone) == ("vault.local.example", "privatelink.vaultcore.local.example")
    assert cloud.arm_scope == "https://arm.local.example/1/.default"
    assert len(server.requests) == 1
    assert "authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("changes", "graph"),
    [
        ({}, ()),
        ({"graph": "https://graph.windows.net/"}, ()),
        ({"microsoftGraphResourceId": None}, ()),
        ({"microsoftGraphResourceId": ""}, ()),
        ({"microsoftGraphResourceId": "https://graph.local.example/"}, ("graph.local.example",)),
    ],
    ids=["older", "azure ad graph", "null", "empty", "named"],
)
def test_graph_is_known_only_where_the_metadata_says_so(
    azure: LocalAzure, changes: dict[str, str | None], graph: tuple[str, ...]
) -> None:
    """``graph`` is Azure AD Graph, which was retired; a Graph that is not named is unknown, not the public cloud's."""
    with served(azure, document(**changes)) as server:
        cloud = discover_cloud(server.url)
    assert cloud.graph_hosts == graph
    listed = endpoints(cloud, ClientRole.MANAGEMENT, "contoso")
    assert {host.name for host in listed.of(Service.GRAPH)} == set(graph)
    assert (Service.GRAPH in listed.unknown) is (graph == ())
    assert Service.REVOCATION in listed.unknown


@pytest.mark.parametrize(
    "body",
    [
        [document(resourceManager="https://management.azure.com/")],
        [],
        document(suffixes=None),
        document(authentication={"loginEndpoint": "x", "audiences": []}),
        document(suffixes={"keyVaultDns": "secrets.local.example"}),
        "text",
    ],
    ids=["another cloud", "no cloud", "no suffix", "no audience", "odd suffix", "no document"],
)
def test_what_does_not_say_enough_is_an_error(azure: LocalAzure, body: Any) -> None:
    with served(azure, body) as server, pytest.raises(ArmUndecodable):
        discover_cloud(server.url)


def test_an_answer_that_is_an_error_is_an_error(azure: LocalAzure) -> None:
    with served(azure, {}, "403 Forbidden") as server, pytest.raises(EstateError):
        discover_cloud(server.url)


def test_only_verified_tls_will_do(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="https"):
        discover_cloud(azure.url.replace("https", "http"))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(EstateUnavailable):
        discover_cloud(azure.url)
