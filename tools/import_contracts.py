"""Contracts that import-linter does not bring along.

Its `forbidden` contract wants each forbidden name, so a dependency that nobody thought of would pass; and
it sees an external import by its top-level name only, so it cannot tell `azure.mgmt` from
`azure.functions`.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def values(option: Any) -> list[str]:
    """An option's values; a field is declared as a parser, and a contract holds what that has parsed."""
    return [str(value) for value in option]


def members(graph: ImportGraph, package: str) -> list[str]:
    """A package and everything below it; ValueError if there is none, since nothing would be checked."""
    if package not in graph.modules or graph.is_module_squashed(package):
        raise ValueError(f"the contract names the package {package}, which is not in the project")
    return sorted({package} | graph.find_descendants(package))


def render(check: ContractCheck) -> None:
    for one in check.metadata["found"]:
        output.print_error(f"{one['importer']} imports {one['imported']} (line {one['lines']})", bold=False)
    output.new_line()


class StandardLibraryOnlyContract(Contract):
    """Each module in ``packages`` imports, outside the project, standard library without ``forbidden`` only.

    Options: ``packages`` (package names, their descendants included) and ``forbidden`` (top-level module
    names).
    """

    type_name = "standard_library_only"

    packages = fields.ListField(subfield=fields.StringField())
    forbidden = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        roots = {root for root in graph.modules if "." not in root and not graph.is_module_squashed(root)}
        forbidden = set(values(self.forbidden))
        found: list[dict[str, Any]] = []
        for package in values(self.packages):
            for importer in members(graph, package):
                for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                    root = imported.split(".")[0]
                    if root in roots or (root in sys.stdlib_module_names and root not in forbidden):
                        continue
                    details = graph.get_import_details(importer=importer, imported=imported)
                    lines = sorted({str(detail["line_number"]) for detail in details})
                    found.append({"importer": importer, "imported": imported, "lines": ", ".join(lines)})
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        render(check)


def imported_names(source: str) -> Iterator[tuple[str, int]]:
    """Each dotted name that a source imports absolutely, with its line; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def is_within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


class ExternalPrefixContract(Contract):
    """No module in ``packages`` imports, itself, a name at or below one of ``forbidden`` (dotted names)."""

    type_name = "external_prefix"

    packages = fields.ListField(subfield=fields.StringField())
    forbidden = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found: list[dict[str, Any]] = []
        for package in values(self.packages):
            for importer in members(graph, package):
                for name, line in imported_names(read_source(importer)):
                    if any(is_within(name, prefix) for prefix in values(self.forbidden)):
                        found.append({"importer": importer, "imported": name, "lines": str(line)})
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        render(check)


def read_source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"{module} has no source file")
    return Path(spec.origin).read_text(encoding="utf-8")
