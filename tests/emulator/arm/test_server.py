"""Metadata of the cloud, and the local Azure as a process of its own."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from emulator.arm.faults import Hang
from emulator.arm.switches import Switches
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import SUBSCRIPTION_ID, Estate

ROOT = Path(__file__).parents[3]


def _metadata(azure: LocalAzure, version: str) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    url = f"{azure.url}/metadata/endpoints?api-version={version}"
    return session.get(url, verify=str(azure.ca_path), timeout=5)


def test_metadata_is_a_list_of_clouds_or_one_object_by_api_version(azure: LocalAzure) -> None:
    clouds = _metadata(azure, "2022-09-01").json()
    [local] = [cloud for cloud in clouds if cloud["resourceManager"] == azure.url]
    assert len(clouds) > 1
    assert local["suffixes"]["keyVaultDns"] == "vault.azure.net"
    assert local["authentication"]["tenant"] == azure.tenant
    assert "https://management.azure.com/" in local["authentication"]["audiences"]
    assert _metadata(azure, "2020-06-01").json() == local
    assert _metadata(azure, "").status_code == 400


def test_the_vault_suffix_is_one_setting_for_metadata_and_vaults(
    azure: LocalAzure, estate: Estate, arm: ArmClient
) -> None:
    azure.switches.key_vault_dns_suffix = "vault.local.test"
    estate.endpoint()
    [cloud] = [row for row in _metadata(azure, "2022-09-01").json() if row["name"] == "LocalAzure"]
    assert cloud["suffixes"]["keyVaultDns"] == "vault.local.test"
    [vault] = arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()["value"]
    assert vault["properties"]["vaultUri"] == "https://kv-orders.vault.local.test/"
    [endpoint] = arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.Network/privateEndpoints").json()["value"]
    assert endpoint["properties"]["customDnsConfigs"][0]["fqdn"] == "kv-orders.vault.local.test"


def test_the_process_tells_when_it_is_ready_and_ends_on_sigterm(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "emulator.azure", "--state", str(tmp_path), "--scale", "0", "--principal", "guard"),
            *("--switch", "page_size=7", "--switch", "unset_metadata=null"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready_file = tmp_path / "ready.json"
        deadline = time.monotonic() + 20
        while not ready_file.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        ready = json.loads(ready_file.read_text(encoding="utf-8"))
        assert ready["pid"] == process.pid
        assert ready_file.stat().st_mode & 0o077 == 0
        session = requests.Session()
        session.trust_env = False
        session.verify = ready["ca"]
        token = session.get(
            f"{ready['identity_endpoint']}?api-version=2019-08-01&resource=https://management.azure.com/",
            headers={"X-IDENTITY-HEADER": ready["principals"]["guard"]["identity_header"]},
            timeout=5,
        ).json()["access_token"]
        listed = session.get(
            f"{ready['arm']}/subscriptions?api-version=2022-12-01",
            headers={"Authorization": f"Bearer {token}"},
            timeout=5,
        ).json()
        assert [row["subscriptionId"] for row in listed["value"]] == ready["subscriptions"]
        control = {ready["control_header"]: ready["control_secret"]}
        switches = session.get(f"{ready['arm']}/_emulator/switches", headers=control, timeout=5).json()["switches"]
        turned = {row["name"]: row["value"] for row in switches if row["value"] != row["default"]}
        assert turned == {"page_size": 7, "unset_metadata": "null"}
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.startswith(f"local Azure at {ready['arm']}")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulator.azure", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_process_lists_its_switches_and_refuses_unknown_ones(tmp_path: Path) -> None:
    listed = _run("--switches")
    assert listed.returncode == 0
    assert [line.split("=")[0] for line in listed.stdout.splitlines()] == [
        switch["name"] for switch in Switches().listing()
    ]
    refused = _run("--state", str(tmp_path), "--switch", "unset_metadata=filled")
    assert refused.returncode == 2
    assert "unset_metadata does not take" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_closing_ends_requests_that_hang() -> None:
    started = time.monotonic()
    with LocalAzure(scale=0) as azure:
        azure.faults.add("*", ".", Hang())
        with pytest.raises(requests.exceptions.ReadTimeout):
            ArmClient(azure).get("/subscriptions", timeout=0.1)
    assert time.monotonic() - started < 3
