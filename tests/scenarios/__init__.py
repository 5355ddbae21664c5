"""One file per rule that makes the bad state in the local Azure by ordinary SDK calls, and says how it is mended.

How to write one, as ``kvg<nnn>_<name>.py`` beside the rule's own file name:

1. ``def make(estate: Estate) -> str``: break the usual estate (``estate.py``: closed vault, network, endpoint, zone,
   link, record) with ``estate.sdk.keyvault | network | privatedns``, or with ``estate.put`` (any ARM body), and return
   the id of the subject that the rule must name.
2. ``SCENARIO = Scenario("what is bad", "KVG000", make)`` for a rule that only explains.
3. For each option that the finding must carry, and no other, a ``Remedy(verb, Applicability.X, (Write(...), ...))``:
   the writes are all that kvguard sends for it, in order, ids as patterns (``*/A/kv-orders``), with the precondition.
4. ``prepare=`` builds another healthy estate to start from, ``policy=`` another policy (``estate.policy(...)``),
   ``history=`` what the ledger knows, ``companions=`` other rules that may speak up as well.
5. ``irreversible=True`` in a Remedy that has no inverse; ``rebuild=`` makes again, from what the journal kept, what it
   has deleted.
6. ``TRAPS = (Scenario(...), ...)``: more cases of the rule, also with ``expect=Expect.SILENT`` (a trap that it must not
   fall into) or ``Expect.NOT_EVALUATED`` (``estate.deny(action)`` hides what the verdict depends on).

``test_scenarios.py`` finds the file by its name and proves: silent before, fires after, each remedy sends exactly its
writes and silences the rule, and its inverse (or what was kept) brings everything back. Nothing else is to be written.
"""
