"""Reads az, Bicep and Terraform texts back with parsers of others, down to the values that a tool would see."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

import hcl2
from pycep import BicepParser

_BICEP = BicepParser()
_BICEP_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|(.))", re.DOTALL)
_HCL_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_HCL_LETTERS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_BICEP_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\", "$": "$"}


@dataclass(frozen=True, slots=True)
class Declared:
    """A Bicep resource."""

    type: str
    existing: bool
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """A Terraform block: ``labels`` of a resource are its type and its name."""

    kind: str
    labels: tuple[str, ...]
    body: dict[str, Any]


def argvs(text: str) -> list[list[str]]:
    """The words of each command of a POSIX shell text that joins its commands with ``&&``."""
    found: list[list[str]] = [[]]
    for word in shlex.split(text):
        if word == "&&":
            found.append([])
        else:
            found[-1].append(word)
    return found


def bicep(text: str) -> dict[str, Declared]:
    """Symbolic name -> resource. A value that is an expression, other than a name, is an error."""
    read = _BICEP.parse(text=text + "\n")
    resources = read.get("resources", {})
    return {
        symbol: Declared(f"{found['type']}@{found['api_version']}", found["existing"], _bicep_value(found["config"]))
        for symbol, found in resources.items()
    }


def terraform(text: str) -> list[Block]:
    """The blocks of a configuration, in order of their kinds."""
    blocks: list[Block] = []
    for kind, entries in hcl2.loads(text + "\n").items():
        if kind.startswith("__"):
            continue
        for entry in entries:
            labels: tuple[str, ...] = ()
            while len(entry) == 1:
                ((label, entry),) = entry.items()
                labels += (label.strip('"'),)
            blocks.append(Block(kind, labels, _hcl_value(entry)))
    return blocks


def _bicep_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {_bicep_key(name): _bicep_value(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_bicep_value(entry) for entry in value]
    return _bicep_text(value) if isinstance(value, str) else value


def _bicep_key(name: str) -> str:
    return _bicep_text(name[1:-1]) if name.startswith("'") else name


def _bicep_text(raw: str) -> str:
    assert not re.search(r"(?<!\\)\$\{", raw), f"an expression: {raw}"
    return _BICEP_ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _BICEP_LETTERS[m[2]], raw)


def _hcl_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {_hcl_text(name): _hcl_value(entry) for name, entry in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [_hcl_value(entry) for entry in value]
    return _hcl_text(value) if isinstance(value, str) else value


def _hcl_text(raw: str) -> str:
    """A quoted string as its value; a name as it is."""
    if not raw.startswith('"'):
        return raw
    assert not re.search(r"[$%]\{", raw), f"a template: {raw}"
    return _HCL_ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _HCL_LETTERS[m[3]], raw[1:-1])
