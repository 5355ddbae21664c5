"""``kvguard explain``, ``resolve`` and ``peers`` in a process of their own, against the local Azure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.azure import SUBSCRIPTION, LocalAzure
from tests.emulator.arm.estate import (
    GROUP_NAME,
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    VAULT,
    ZONE,
    Estate,
    link_body,
    network_body,
    record_body,
    vault_body,
)

ROOT = Path(__file__).resolve().parents[2]
SHORT = f"{SUBSCRIPTION}/{GROUP_NAME}/Kv-Orders"
CLIENTS = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Clients"
ME = "aaaaaaaa-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """A closed vault with an endpoint, a linked zone with the right record, and a network of clients beside."""
    with LocalAzure(tmp_path_factory.mktemp("azure"), scale=0) as local:
        estate = Estate(local)
        estate.endpoint()
        estate.put(VAULT, vault_body(publicNetworkAccess="Disabled"))
        estate.put(ZONE, {"location": "global"})
        estate.put(LINK, link_body())
        interfaces = local.seed("GET", f"{NETWORK_PROVIDER}/networkInterfaces").body["value"]
        (address,) = [
            str(row["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]) for row in interfaces
        ]
        estate.put(RECORD, record_body(address))
        estate.put(CLIENTS, network_body("10.9.0.0/16", "10.9.0.0/24"))
        local.deny("stranger", "Microsoft.KeyVault/vaults/read")
        local.deny("halfblind", "Microsoft.Network/virtualNetworks/read")
        yield local


def kvguard(azure: LocalAzure, *arguments: str, who: str = "dana", **more: str) -> subprocess.CompletedProcess[str]:
    """The command in a terminal of its own, with the login of somebody at the local Azure."""
    kept = {n: v for n, v in os.environ.items() if not n.upper().startswith(("KVGUARD", "AZURE_", "IDENTITY_", "MSI_"))}
    at = {"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": azure.url, **azure.env_for(who)}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**kept, **at, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_caller_beside_the_endpoint_gets_in(azure: LocalAzure) -> None:
    mark = azure.log.mark()
    ran = kvguard(azure, "explain", VAULT, "--from", "network", "--network", NETWORK, "--format", "json")
    body = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (body["verdict"], body["door"]) == ("pass", "private link")
    assert body["answer"]["chain"][0].startswith("kv-orders.vault.azure.net is an alias for ")
    assert {entry.method for entry in azure.log.since(mark) if entry.path.startswith("/subscriptions")} == {"GET"}


def test_a_caller_in_a_network_without_a_link_is_kept_out_and_told_why(azure: LocalAzure) -> None:
    ran = kvguard(azure, "explain", SHORT, "--from", "network", "--network", CLIENTS)
    assert ran.returncode == 1
    assert "No: public access keeps it out." in ran.stdout
    assert "ForbiddenByConnection" in ran.stdout
    assert "create a private endpoint" in ran.stdout
    assert "nslookup" in ran.stdout
    # What host prints stands on one line, as host prints it.
    wide = [line for line in ran.stdout.splitlines() if len(line) > 80 and " is an alias for " not in line]
    assert [line for line in wide if max(map(len, line.split())) < 60] == []
    assert "\x1b" not in ran.stdout


def test_the_permission_is_read_when_a_principal_asks(azure: LocalAzure) -> None:
    who = ("--principal", ME, "--operation", "secrets/get")
    ran = kvguard(azure, "explain", VAULT, "--from", "network", "--network", NETWORK, *who, "--format", "json")
    body = json.loads(ran.stdout)
    assert ran.returncode == 1, ran.stdout
    assert body["failing"] == "permission"
    assert ME in body["admissions"][0]["what"]


def test_every_network_that_matters_is_resolved(azure: LocalAzure) -> None:
    ran = kvguard(azure, "resolve", VAULT, "--format", "json")
    body = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    (entry,) = body["networks"]
    assert entry["network"] == NETWORK
    assert entry["agrees"] is True
    assert entry["right"] == entry["answer"]["addresses"]
    table = kvguard(azure, "resolve", VAULT)
    assert entry["answer"]["addresses"][0] in table.stdout


def test_a_network_that_was_not_read_is_not_known_and_the_right_is_named(azure: LocalAzure) -> None:
    ran = kvguard(azure, "resolve", VAULT, "--network", CLIENTS, who="halfblind")
    assert ran.returncode == 2
    assert "Microsoft.Network/virtualNetworks/read" in ran.stdout
    assert re.search(r"KVG\d{3}.*not known because", ran.stdout)


def test_peers_are_compared(azure: LocalAzure) -> None:
    ran = kvguard(azure, "peers", VAULT, "--format", "json")
    body = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    assert body["state"].startswith("5 ")
    rows = {row["rule"]: row for row in body["checks"]}
    assert rows["CKV_AZURE_109"]["says"] == "fails"
    assert rows["CKV_AZURE_109"]["recorded_as_wrong"]
    assert rows["CKV_AZURE_109"]["agrees"] is False
    table = kvguard(azure, "peers", SHORT)
    assert table.returncode == 0
    assert all(row["rule"][:30] in table.stdout for row in body["checks"])


def test_a_name_alone_is_looked_up_and_an_ambiguous_one_is_said(azure: LocalAzure) -> None:
    watched = {"KVGUARD_SUBSCRIPTIONS": SUBSCRIPTION}
    assert kvguard(azure, "resolve", "kv-orders", **watched).returncode == 0
    missing = kvguard(azure, "resolve", "kv-nowhere", **watched)
    assert (missing.returncode, "kv-nowhere" in missing.stderr) == (2, True)
    alone = kvguard(azure, "resolve", "kv-orders")
    assert (alone.returncode, "KVGUARD_SUBSCRIPTIONS" in alone.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", VAULT), "--from: is missing"),
        (("explain", VAULT, "--from", "mars"), "--from: 'mars' is none of"),
        (("explain", VAULT, "--from", "internet", "--address", "::1"), "--address: IPv4 only"),
        (("explain", VAULT, "--from", "network"), "--network: is missing"),
        (("explain", VAULT, "--from", "network", "--network", "../x"), "--network: '../x' is no resource id"),
        (("resolve", VAULT, "--network", "\x1b[2J"), "--network: '\\u{1b}[2J' is no resource id"),
        (("resolve", VAULT, "--network", f"{NETWORK}-x"), "no such virtual network"),
        (("resolve", f"{VAULT}-x"), "there is no vault"),
        (("peers", "a\x1b[2J"), "is neither"),
        (("peers", NETWORK), "is neither"),
    ],
)
def test_wrong_input_is_one_line_and_2(azure: LocalAzure, arguments: tuple[str, ...], said: str) -> None:
    ran = kvguard(azure, *arguments)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1), ran.stderr
    assert said in ran.stderr
    assert "\x1b" not in ran.stderr


def test_a_vault_that_may_not_be_read_is_one_line_with_the_right(azure: LocalAzure) -> None:
    for command in (("explain", VAULT, "--from", "internet"), ("resolve", VAULT), ("peers", VAULT)):
        ran = kvguard(azure, *command, who="stranger")
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1), ran.stderr
        assert "Microsoft.KeyVault/vaults/read" in ran.stderr
