"""The guards whose loss must be noticed: each mutation takes one away, and a property has to fail.

An edit names a function and a fragment of its source that is replaced; without a fragment the function yields nothing.
The code object of the function is exchanged and put back, so every place that calls it runs the mutant.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Final

_RULES: Final = "shared.rules."
_202: Final = _RULES + "kvg202_dead_connection"
_403: Final = _RULES + "kvg403_network_not_linked"
_411: Final = _RULES + "kvg411_missing_a_record"
_412: Final = _RULES + "kvg412_wrong_a_record"
_413: Final = _RULES + "kvg413_ttl_out_of_range"
_EVALUATE: Final = "shared.engine.evaluate"
_RESOLVER: Final = "shared.engine.resolver"
_SERVING: Final = "shared.domain.serving"

SAFE_MODULES: Final = (_202, _403, _411, _412, _413)


@dataclass(frozen=True)
class Edit:
    """One function to be changed: ``old`` becomes ``new``, or nothing is yielded when ``old`` is empty."""

    module: str
    function: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Mutation:
    """A guard that is taken away."""

    name: str
    edits: tuple[Edit, ...]


def _silent(module: str, function: str) -> Mutation:
    rule = module.removeprefix(_RULES)[:6].upper()
    return Mutation(f"{rule}-without-{function.strip('_')}", (Edit(module, function),))


def _clause(module: str, function: str, what: str, old: str, new: str) -> Mutation:
    rule = module.removeprefix(_RULES)[:6].upper()
    return Mutation(f"{rule}-{function.strip('_')}-{what}", (Edit(module, function, old, new),))


def _central(what: str, *edits: Edit) -> Mutation:
    return Mutation(f"central-{what}", edits)


MUTATIONS: Final = (
    _silent(_202, "_blockers"),
    _silent(_202, "_unfinished"),
    _silent(_202, "_too_fresh"),
    _silent(_202, "_lately_approved"),
    _silent(_202, "_rejected_here"),
    _silent(_202, "_endpoint_disagrees"),
    _clause(_202, "_too_fresh", "never-seen", "if not known or", "if sighting is not None and"),
    _clause(_202, "_too_fresh", "seen-otherwise", "and sighting.status is connection.status", ""),
    _clause(_202, "_too_fresh", "age", "or case.snapshot.read_at - since < age", ""),
    _clause(
        _202,
        "_endpoint_disagrees",
        "unread",
        'yield Blocker("its private endpoint could not be read", endpoint)',
        "pass",
    ),
    _clause(_202, "_endpoint_disagrees", "living", "and not link.status.dead", "and False"),
    _silent(_403, "_blockers"),
    _clause(_403, "_blockers", "writer", "yield from writer_blockers(case.policy, zone.id)", "pass"),
    _silent(_403, "_record_first"),
    _silent(_403, "_harm"),
    _silent(_403, "_custom_dns"),
    _silent(_403, "_capacity"),
    _clause(_403, "_harm", "neighbours-unread", 'yield Blocker("whether', '_ = ("whether'),
    _clause(_403, "_record_first", "unread", 'yield Blocker("whether', '_ = ("whether'),
    _clause(_403, "_custom_dns", "servers", "or known.dns_servers", ""),
    _clause(_403, "_custom_dns", "ruleset", "or known.forwarding:", "or False:"),
    _clause(_403, "_judge", "zones-unread", "if snapshot.zones_unread:", "if False:"),
    _clause(_403, "_judge", "unknown-answer", "if answer.kind is AnswerKind.UNKNOWN:", "if False:"),
    _clause(_403, "_judge", "addresses-unread", "if answer.addresses and isinstance", "if False and isinstance"),
    _silent(_411, "_blockers"),
    _clause(_411, "_blockers", "writer", "yield from writer_blockers(case.policy, zone.id)", "pass"),
    _silent(_411, "_claimants"),
    _silent(_411, "_linked_networks"),
    _silent(_411, "_zone_groups"),
    _silent(_411, "_address_at_home"),
    _silent(_411, "_foreign_metadata"),
    _silent(_411, "_capacity"),
    _silent(_411, "_other_zone"),
    _clause(_411, "_linked_networks", "unreached", "if reached is not True:", "if isinstance(reached, Unread):"),
    _clause(_411, "_linked_networks", "askers", "in askers:", "in (link.network,):"),
    _clause(_411, "_proposals", "auto-registered", "and record.auto_registered", "and False"),
    _clause(_411, "_proposal", "zone-group", "if zone.id in group.zones:", "if False:"),
    _clause(_411, "_judge", "unknown-answer", "if answer.kind is AnswerKind.UNKNOWN and", "if False and"),
    _clause(_411, "_judge", "record-unread", "if isinstance(record, Unread):", "if False:"),
    Mutation(
        "KVG411-judge-alias",
        (
            Edit(_411, "_judge", "if isinstance(alias, Unread):", "if False:"),
            Edit(_411, "_judge", "if alias is not None:", "if False:"),
        ),
    ),
    _silent(_411, "_shared"),
    _silent(_412, "_blockers"),
    _clause(_412, "_blockers", "writer", "yield from writer_blockers(case.policy, zone.id)", "pass"),
    _silent(_412, "_claimants"),
    _silent(_412, "_zone_groups"),
    _silent(_412, "_not_owned"),
    _clause(
        _412, "_zone_groups", "unread", "if isinstance(groups, Unread):", "if isinstance(groups, Unread) and False:"
    ),
    _clause(_412, "_zone_groups", "pointing", "any(zone.id in group.zones for group in groups)", "False"),
    _clause(_412, "_not_owned", "creator", "if record.made_by_zone_group:", "if False:"),
    _clause(_412, "_not_owned", "journal", "if written is None or", "if False and"),
    _clause(_412, "_not_owned", "marks", "or not claimed or claimed != written.change_id", ""),
    _clause(_412, "_not_owned", "addresses", "set(written.addresses) != set(record.addresses)", "False"),
    _clause(_412, "_not_owned", "ttl", "or written.ttl != record.ttl", ""),
    _clause(_412, "_proposals", "auto-registered", "record.auto_registered or", ""),
    _silent(_413, "_blockers"),
    _clause(_413, "_blockers", "writer", "yield from writer_blockers(case.policy, zone.id)", "pass"),
    _silent(_413, "_addresses"),
    _silent(_413, "_zone_group"),
    _silent(_413, "_mended_lately"),
    _clause(_413, "_addresses", "unread", 'yield Blocker("whether', '_ = ("whether'),
    _clause(_413, "check", "auto-registered", "if record.auto_registered else", "if False else"),
    _central(
        "hold",
        Edit(
            _EVALUATE,
            "_stamp",
            "for proposal in violation.proposals if held is None else ():",
            "for proposal in violation.proposals:",
        ),
    ),
    _central("forgotten-history", Edit(_EVALUATE, "_stamp", "(*proposal.blockers, *forgotten)", "proposal.blockers")),
    _central("unusable-policy", Edit(_EVALUATE, "effective_mode", "if policy.unusable:", "if False:")),
    _central("mode-cap", Edit(_EVALUATE, "_stamp", ", mode.cap)", ")")),
    _central("mode-off", Edit(_EVALUATE, "evaluate", "if mode is Mode.OFF or", "if")),
    # Two lines keep the ceiling, and either is enough: the mode is lowered, and the option is capped.
    _central(
        "ceiling",
        Edit(
            _EVALUATE, "effective_mode", "if mode is Mode.FIX and rule.ceiling is not Applicability.SAFE:", "if False:"
        ),
        Edit(
            _EVALUATE,
            "effective_mode",
            "if mode is Mode.APPROVE and rule.ceiling is Applicability.MANUAL:",
            "if False:",
        ),
        Edit(_EVALUATE, "_stamp", ", rule.ceiling,", ","),
    ),
    _central("writer", Edit(_SERVING, "writer_blockers", "if writer is Writer.KVGUARD:", "if writer is not None:")),
    _central(
        "unlisted-zone",
        Edit(_SERVING, "writer_blockers", "if writer is Writer.KVGUARD:", "if writer in (Writer.KVGUARD, None):"),
    ),
)


@contextmanager
def applied(mutation: Mutation) -> Iterator[None]:
    """The product with this mutation while the block runs."""
    functions = {edit.function: _function(edit) for edit in mutation.edits}
    mutants = {name: _mutant(function, mutation.edits) for name, function in functions.items()}
    undo = {name: function.__code__ for name, function in functions.items()}
    try:
        for name, code in mutants.items():
            functions[name].__code__ = code
        yield
    finally:
        for name, code in undo.items():
            functions[name].__code__ = code


def _function(edit: Edit) -> FunctionType:
    found = getattr(importlib.import_module(edit.module), edit.function)
    assert isinstance(found, FunctionType), f"{edit.module}.{edit.function} is no function"
    return found


def _mutant(function: FunctionType, edits: tuple[Edit, ...]) -> CodeType:
    """The code of a function after all edits of it."""
    name = function.__name__
    source = textwrap.dedent(inspect.getsource(function))
    for edit in edits:
        if edit.function != name:
            continue
        if not edit.old:
            source = f"def {name}(*_arguments, **_options):\n    yield from ()\n"
            continue
        assert source.count(edit.old) == 1, f"{edit.module}.{name} has no single {edit.old!r}"
        source = source.replace(edit.old, edit.new)
    namespace: dict[str, object] = {}
    exec(compile("from __future__ import annotations\n" + source, f"<mutant of {name}>", "exec"), namespace)
    made = namespace[name]
    assert isinstance(made, FunctionType)
    return made.__code__
