"""The generator of documents: what it writes, what it refuses to write, what ``--check`` says."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters.policy_schema import allowed_modes
from shared.domain.grades import Mode
from shared.domain.policy import Policy
from shared.domain.rule import Case, Rule, Violation
from shared.engine.evaluate import DOC_ROOT, effective_mode
from shared.rules.registry import RULES
from tests.builders import vault_id
from tools import docs
from tools.rule_pages import SECTIONS, PageError, read_rule, split, subject_kinds

_VAULT = vault_id()
LINK = re.compile(r"\]\((?!https:)([^)#]+)")
DOCSTRING = """KVG999 sample-state: something is off.

What it finds
-------------
A vault that is a sample and ``nothing else``.

Why it matters
--------------
Nobody wants a sample <b>in production</b> & elsewhere.

Example
-------
A vault with the name sample.

Remediation
-----------
Give the vault another name.

Remediation safety
------------------
Never by kvguard, names are chosen by people.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[Path, Rule]]:
    """A project with one rule whose docstring and code a test may replace before it is read."""
    name = "kvg999_sample_state"
    path = tmp_path / f"{name}.py"
    module = types.ModuleType(name)

    def check(case: Case) -> Iterator[Violation]:
        yield Violation(subject=case.snapshot.vault.id, message="", facts={})

    check.__module__ = name
    module.__file__ = str(path)
    module.__doc__ = DOCSTRING
    path.write_text("def check(case):\n    yield Violation(subject=case.snapshot.vault.id)\n", encoding="utf-8")
    sys.modules[name] = module
    yield tmp_path, replace(RULES[0], id="KVG999", name="sample-state", check=check)
    del sys.modules[name]


def test_the_committed_documents_are_those_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


def test_pages_and_rules_are_the_same_set_and_findings_link_to_them() -> None:
    pages = {path.name for path in (docs.ROOT / "docs/rules").glob("kvg*.md")}

    assert pages == {docs.page_name(rule) for rule in RULES}
    assert DOC_ROOT.endswith("docs/rules")


def test_every_link_inside_the_project_leads_to_a_file() -> None:
    missing = [
        f"{page.relative_to(docs.ROOT)}: {link}"
        for page in sorted((docs.ROOT / "docs").rglob("*.md"))
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).resolve().exists()
    ]

    assert missing == []


def test_a_page_shows_the_values_of_its_rule_and_every_section() -> None:
    for rule in RULES:
        page = (docs.ROOT / "docs/rules" / docs.page_name(rule)).read_text(encoding="utf-8")
        assert f"| Severity | {rule.severity.name.lower()} |" in page
        assert f"| Ceiling | {rule.ceiling.name.lower()}:" in page
        assert f"| Default mode | {rule.default.value}:" in page
        assert re.findall(r"^## (.*)", page, re.MULTILINE) == [*SECTIONS[:-1], docs.PEERS, SECTIONS[-1]]
        assert all(f"`{control}`" in page for ids in rule.controls.values() for control in ids)


def test_the_catalogue_has_every_rule_under_its_hundred() -> None:
    text = (docs.ROOT / "docs/rules/README.md").read_text(encoding="utf-8")
    listed: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            listed[line.removeprefix("## ")] = []
        elif match := re.match(r"\| \[(KVG\d{3})\]", line):
            listed[list(listed)[-1]].append(match[1])
    wanted: dict[str, list[str]] = {}
    for rule in sorted(RULES, key=lambda rule: rule.id):
        wanted.setdefault(f"{rule.id[3]}xx {docs.HUNDREDS[rule.id[3]]}", []).append(rule.id)
    assert {head: ids for head, ids in listed.items() if ids} == wanted


def test_the_modes_that_a_page_allows_are_those_that_evaluation_lets_through() -> None:
    for rule in RULES:
        kept = [mode for mode in Mode if effective_mode(rule, Policy(modes={rule.id: mode}), _VAULT) is mode]
        assert allowed_modes(rule) == kept, rule.id


def test_two_runs_write_the_same_bytes_and_the_second_finds_nothing_to_do(tmp_path: Path) -> None:
    said: list[str] = []

    assert docs.main([], tmp_path, said.append) == 0
    first = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert {line.split(":")[0] for line in said} == {"missing"}
    said.clear()
    assert docs.main([], tmp_path, said.append) == 0

    assert said == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == first


def test_check_names_what_is_stale_missing_and_superfluous_and_touches_nothing(tmp_path: Path) -> None:
    docs.main([], tmp_path, lambda _: None)
    (tmp_path / "docs/rules/kvg101.md").write_text("edited by hand")
    (tmp_path / "docs/rules/kvg202.md").unlink()
    (tmp_path / "docs/rules/kvg000.md").write_text("of a rule that is gone")
    (tmp_path / "docs/schemas/finding.v0.json").write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    said: list[str] = []

    assert docs.main(["--check"], tmp_path, said.append) == 1

    assert said == [
        "superfluous: docs/rules/kvg000.md",
        "stale: docs/rules/kvg101.md",
        "missing: docs/rules/kvg202.md",
        "superfluous: docs/schemas/finding.v0.json",
        "run `make docs` and commit the result",
    ]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    assert docs.main([], tmp_path, said.append) == 0
    assert docs.main(["--check"], tmp_path, said.append) == 0


def test_a_sound_docstring_becomes_a_page_without_html(project: tuple[Path, Rule]) -> None:
    root, rule = project

    page = docs.rule_page(rule, read_rule(rule, root))

    assert "# KVG999 sample-state" in page
    assert "| Subject | vault |" in page
    assert "A vault that is a sample and `nothing else`." in page
    assert "a sample &lt;b&gt;in production&lt;/b&gt; &amp; elsewhere" in page
    assert "- <https://learn.microsoft.com/azure/key-vault/general/>" in page


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("Give the vault another name.", "", 'section "Remediation" is empty'),
        ("Give the vault another name.", "TBD: think of a good name.", 'section "Remediation" is empty or unfinished'),
        ("Give the vault another name.", "Add the remediation text here.", 'section "Remediation" is empty'),
        ("Give the vault another name.", "Rename it.", 'section "Remediation" is empty'),
        ("https://learn.microsoft.com/azure/key-vault/general/", "", 'section "Links"'),
        ("https://learn.microsoft.com/azure/key-vault/general/", "see the manual", 'section "Links"'),
        ("Why it matters\n--------------", "Rationale\n---------", "its sections are What it finds, Rationale"),
        ("KVG999 sample-state: something is off.", "KVG999 sample-state:", "the first line is not"),
        ("KVG999 sample-state:", "KVG998 sample-state:", "the first line is not"),
        (DOCSTRING, "", "its sections are none"),
    ],
)
def test_a_hollow_docstring_is_refused(project: tuple[Path, Rule], old: str, new: str, complaint: str) -> None:
    root, rule = project
    module = sys.modules["kvg999_sample_state"]
    assert old in DOCSTRING
    module.__doc__ = DOCSTRING.replace(old, new)

    with pytest.raises(PageError, match=re.escape(complaint)) as refused:
        docs.documents((rule,), root)

    assert str(refused.value).startswith("kvg999_sample_state.py: ")


def test_a_subject_that_the_generator_does_not_know_is_refused(project: tuple[Path, Rule]) -> None:
    root, rule = project
    (root / "kvg999_sample_state.py").write_text("def check(case):\n    yield Violation(subject=case.ruleset.id)\n")

    with pytest.raises(PageError, match=re.escape("subject of an unknown kind: ruleset.id")):
        read_rule(rule, root)


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("yield Violation(case.snapshot.vault.id, '', {})", {"vault.id"}),
        ("yield Violation(subject=endpoint.network)", {"network"}),
        ("subject = zone.id.child('A', name)\n    yield Violation(subject=subject)", {'zone.id.child("A")'}),
        ("yield Unknown(vault.id, unread)", set()),
    ],
)
def test_the_subject_of_a_rule_is_read_from_its_violations(body: str, kinds: set[str]) -> None:
    assert subject_kinds(f"def check(case):\n    {body}\n") == kinds


def test_text_before_the_first_heading_is_the_summary() -> None:
    assert split("One line.\n\nHead\n----\nBody of\ntwo lines\n") == ("One line.", {"Head": "Body of\ntwo lines"})
