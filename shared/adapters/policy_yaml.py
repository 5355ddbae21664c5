"""YAML as a policy may use it: one document of plain values, of bounded size, without surprises.

Tags, anchors, aliases and merge keys are refused before anything is built (an alias can make a small text huge), and
so is a key that stands twice, of which YAML would silently keep the last.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

MOST_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 16
MOST_NODES: Final = 20_000
# Longer than any id; a number so long still has fewer digits than Python writes (4300), also one in hexadecimal.
MOST_CHARACTERS: Final = 2500

# The C parser is not part of every build of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnreadableYaml(ValueError):
    """The text is not YAML that a policy may use; it says why and where (line and column count from 1)."""


def read_yaml(data: bytes) -> object:
    """The value of the document. Raises UnreadableYaml."""
    if len(data) > MOST_BYTES:
        raise UnreadableYaml(f"{len(data)} bytes; at most {MOST_BYTES} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableYaml("not UTF-8") from error
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return None
        _check_keys(node)
        _check_values(node)
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise UnreadableYaml(_where(error)) from error


def _check_events(text: str) -> None:
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UnreadableYaml(f"anchors and aliases are not used here {_at(event.start_mark)}")
        if isinstance(event, yaml.NodeEvent):
            if getattr(event, "tag", None):
                raise UnreadableYaml(f"tags are not used here {_at(event.start_mark)}")
            nodes += 1
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > MOST_CHARACTERS:
            raise UnreadableYaml(f"a value of more than {MOST_CHARACTERS} characters {_at(event.start_mark)}")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH or nodes > MOST_NODES:
            raise UnreadableYaml(f"nested too deeply or too many values {_at(event.start_mark)}")


def _check_keys(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise UnreadableYaml(f"a key must be a plain text {_at(key.start_mark)}")
            if key.tag == "tag:yaml.org,2002:merge":
                raise UnreadableYaml(f"merge keys are not used here {_at(key.start_mark)}")
            if key.value in seen:
                raise UnreadableYaml(f"the key {key.value[:60]!r} stands twice {_at(key.start_mark)}")
            seen.add(key.value)
            _check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item)


def _check_values(node: yaml.Node) -> None:
    """Whether each value can be built; a date such as 2026-02-30 cannot."""
    if isinstance(node, yaml.ScalarNode):
        try:
            _Loader("").construct_object(node)
        except ValueError as error:
            raise UnreadableYaml(f"{error} {_at(node.start_mark)}") from error
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_values(item)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _check_values(key)
            _check_values(value)


def _at(mark: Any) -> str:
    return f"at line {mark.line + 1}, column {mark.column + 1}"


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return f"{problem} {_at(mark)}" if mark is not None else str(problem)
