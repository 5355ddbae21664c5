"""``kvguard endpoints`` in a process of its own: the hosts of each cloud, without Azure unless the cloud is custom."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.azure import LocalAzure
from tests.cli.test_policy import kvguard

# A proxy that nobody answers at: whoever asks Azure fails.
AWAY = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
VAULT = "11111111-2222-4333-8444-555555555555/rg-app/kv-orders"
CLOUDS = {
    "AzureCloud": {
        "Key Vault": {"kv-orders.vault.azure.net"},
        "Microsoft Entra ID": {"login.microsoftonline.com"},
        "Microsoft account sign-in": {"login.live.com"},
        "Azure Resource Manager": {"management.azure.com"},
        "Microsoft Graph": {"graph.microsoft.com"},
    },
    "AzureChinaCloud": {
        "Key Vault": {"kv-orders.vault.azure.cn"},
        "Microsoft Entra ID": {"login.chinacloudapi.cn"},
        "Azure Resource Manager": {"management.chinacloudapi.cn"},
        "Microsoft Graph": {"microsoftgraph.chinacloudapi.cn"},
    },
    "AzureUSGovernment": {
        "Key Vault": {"kv-orders.vault.usgovcloudapi.net"},
        "Microsoft Entra ID": {"login.microsoftonline.us"},
        "Azure Resource Manager": {"management.usgovcloudapi.net"},
        "Microsoft Graph": {"graph.microsoft.us", "dod-graph.microsoft.us"},
    },
}
REVOCATION = "certificate revocation (CRL, OCSP)"


def listed(*arguments: str, **environment: str) -> dict[str, Any]:
    ran = kvguard("endpoints", *arguments, "--format", "json", **{**AWAY, **environment})
    body: dict[str, Any] = json.loads(ran.stdout)
    assert ran.returncode == (1 if body["unknown"] else 0)
    return body


def by_service(body: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for host in body["hosts"]:
        found.setdefault(host["service"], set()).add(host["host"])
    return found


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_has_its_own_hosts(cloud: str) -> None:
    body = listed("--cloud", cloud, "--vault", "KV-orders")
    found = by_service(body)
    assert found.pop(REVOCATION) >= {"oneocsp.microsoft.com", "crl3.digicert.com"}
    assert found == CLOUDS[cloud]
    assert (body["cloud"], body["role"], body["unknown"]) == (cloud, "both", [])
    for host in body["hosts"]:
        web = (80, "HTTP") if host["service"] == REVOCATION else (443, "HTTPS")
        assert (host["port"], host["protocol"]) == web
        assert host["source"].startswith("https://learn.microsoft.com/")


def test_each_role_needs_its_own() -> None:
    data, management = listed("--role", "data"), listed("--role", "management")
    assert by_service(data).keys() == {"Key Vault", "Microsoft Entra ID", "Microsoft account sign-in", REVOCATION}
    assert by_service(management).keys() == CLOUDS["AzureCloud"].keys() - {"Key Vault"} | {REVOCATION}
    assert by_service(data)["Key Vault"] == {"<vault>.vault.azure.net"}
    assert any("private endpoint" in note for note in data["notes"])
    assert not any("private endpoint" in note for note in management["notes"])


def test_service_tags_are_named_where_there_is_one() -> None:
    tags = {host["service"]: host["service_tag"] for host in listed()["hosts"]}
    assert tags.pop("Key Vault") == "AzureKeyVault"
    assert tags.pop("Microsoft Entra ID") == "AzureActiveDirectory"
    assert tags.pop("Azure Resource Manager") == "AzureResourceManager"
    assert set(tags.values()) == {None}


def test_the_cloud_is_that_of_the_setting_unless_named() -> None:
    assert listed(KVGUARD_CLOUD="AzureChinaCloud")["cloud"] == "AzureChinaCloud"
    named = listed("--cloud", "AzureUSGovernment", KVGUARD_CLOUD="AzureChinaCloud")
    assert named["cloud"] == "AzureUSGovernment"
    assert listed()["cloud"] == "AzureCloud"


def test_the_table_says_the_same() -> None:
    ran = kvguard("endpoints", "--cloud", "AzureChinaCloud", "--role", "management", **AWAY)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0].split()[:4] == ["HOST", "PORT", "PROTOCOL", "FOR"]
    (graph,) = [line.split() for line in lines if line.startswith("microsoftgraph.chinacloudapi.cn ")]
    assert (graph[1], graph[2], graph[-1]) == ("443", "HTTPS", "https://learn.microsoft.com/graph/deployments")
    rows = [line for line in lines[1:] if line.endswith(("access-behind-firewall", "deployments", "azure-ca-details"))]
    assert len(rows) == len(listed("--cloud", "AzureChinaCloud", "--role", "management")["hosts"])


# -- the cloud that only its Resource Manager knows


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path_factory.mktemp("azure"), scale=0) as local:
        local.service.world.switches.key_vault_dns_suffix = "vault.stack.example"
        yield local


def at(azure: LocalAzure) -> dict[str, str]:
    return {
        "KVGUARD_CLOUD": "custom",
        "KVGUARD_ARM_ENDPOINT": azure.url,
        "REQUESTS_CA_BUNDLE": str(azure.ca_path),
        "NO_PROXY": "127.0.0.1",
    }


@pytest.mark.parametrize("arguments", [(), ("--cloud", "custom")], ids=["setting", "option"])
def test_of_a_custom_cloud_only_the_metadata_is_read_and_what_it_does_not_say_is_said(
    azure: LocalAzure, arguments: tuple[str, ...]
) -> None:
    before = azure.log.mark()
    body = listed(*arguments, "--vault", "kv-orders", **at(azure))
    host, _, port = azure.url.removeprefix("https://").partition(":")
    found = {(each["service"], each["host"], each["port"]) for each in body["hosts"]}
    assert found == {
        ("Key Vault", "kv-orders.vault.stack.example", 443),
        ("Microsoft Entra ID", host, int(port)),
        ("Azure Resource Manager", host, int(port)),
    }
    assert [each["service"] for each in body["unknown"]] == ["Microsoft Graph", REVOCATION]
    assert {each["source"] for each in body["hosts"]} == {f"{azure.url}/metadata/endpoints"}
    assert {each["service_tag"] for each in body["hosts"]} == {None}
    assert azure.log.since(before) == []


def test_the_table_says_what_is_not_known(azure: LocalAzure) -> None:
    ran = kvguard("endpoints", **{**AWAY, **at(azure)})
    assert ran.returncode == 1
    assert "not known in cloud LocalAzure: the hosts of Microsoft Graph" in ran.stdout


# -- what does not work


def one_line(ran: subprocess.CompletedProcess[str]) -> str:
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1), ran.stderr
    assert not set(ran.stderr) & set("\x1b\x07\u202e")
    return ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--cloud", "azurecloud"), "AzureUSGovernment"),
        (("--cloud", "\x1b[2J\u202e"), "--cloud must be"),
        (("--role", "reader"), "data, management or both"),
        (("--role", ""), "data, management or both"),
        (("--vault", "a--b"), "not the name of a vault"),
        (("--vault", "x\x1b[2J"), "not the name of a vault"),
        (("--vault", "kv-orders.vault.azure.net"), "not the name of a vault"),
        (("--format", "yaml"), "table or json"),
        (("--cloud", "custom"), "KVGUARD_ARM_ENDPOINT"),
    ],
)
def test_wrong_input_is_one_line_and_2(arguments: tuple[str, ...], said: str) -> None:
    assert said in one_line(kvguard("endpoints", *arguments))


@pytest.mark.parametrize(
    "how", [(("--cloud", "AzureGermanCloud"), ""), ((), "AzureGermanCloud")], ids=["option", "setting"]
)
def test_the_closed_cloud_is_refused_with_its_own_sentence(how: tuple[tuple[str, ...], str]) -> None:
    arguments, setting = how
    said = one_line(kvguard("endpoints", *arguments, KVGUARD_CLOUD=setting))
    assert "Azure Germany was closed on 2021-10-29" in said
    assert "must be" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", VAULT, "--from", "internet"),
        ("resolve", VAULT),
        ("peers", VAULT),
        ("policy", "show", VAULT),
        ("policy", "validate", "README.md"),
        ("replay",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_every_command_that_works_in_a_cloud_refuses_the_closed_one(arguments: tuple[str, ...]) -> None:
    ran = kvguard(*arguments, KVGUARD_CLOUD="AzureGermanCloud", KvGuardStorage="UseDevelopmentStorage=true", **AWAY)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Azure Germany was closed on 2021-10-29" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1", "https://a<b", "https://a b", "https://host/path", "host"])
def test_an_endpoint_that_is_no_https_origin_is_refused(endpoint: str) -> None:
    said = one_line(kvguard("endpoints", KVGUARD_CLOUD="custom", KVGUARD_ARM_ENDPOINT=endpoint))
    assert "KVGUARD_ARM_ENDPOINT must be" in said


def test_a_custom_cloud_that_does_not_answer_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"https://127.0.0.1:{taken.getsockname()[1]}"
        said = one_line(kvguard("endpoints", KVGUARD_CLOUD="custom", KVGUARD_ARM_ENDPOINT=endpoint))
    assert "/metadata/endpoints" in said
