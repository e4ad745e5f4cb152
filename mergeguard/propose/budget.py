"""Which shard counts and which dealing of arms fit a build machine, and the rule that says so.

What is dealt are the values that a rule lists for its shards (case labels, conditions, patterns of
template arguments). Measured costs are per shard, so each value counts with an equal part of what its shard
costs above the headers; with one value to a shard the figures are exact.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from mergeguard.errors import RuleError
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.propose.schedule import Budget, BuildPlan, Profile, arm_costs, best, plan_of, plans
from mergeguard.values import dataclass

Value = int | str


@dataclass(frozen=True, slots=True)
class Cost:
    """What a shard was measured to cost: seconds alone, peak bytes."""

    seconds: float
    memory: int


@dataclass(frozen=True, slots=True)
class BudgetProposal:
    """What fits: the rule as it stands, one plan for each shard count, and the best of them."""

    now: BuildPlan
    plans: tuple[BuildPlan, ...]
    chosen: BuildPlan | None
    shards: Mapping[str, tuple[Value, ...]]  # of the chosen plan: shard file to values
    least: int  # bytes that the largest arm alone needs, with the headers: no dealing fits into less

    def to_json(self) -> dict[str, object]:
        return {
            "now": _plan_json(self.now),
            "plans": [_plan_json(plan) for plan in self.plans],
            "chosen": None if self.chosen is None else self.plans.index(self.chosen),
            "shards": {name: list(values) for name, values in self.shards.items()},
            "least_memory": self.least,
        }


def _plan_json(plan: BuildPlan) -> dict[str, object]:
    return {
        "shards": [[_value(key) for key in shard] for shard in plan.shards],
        "largest_shard": plan.memory,
        "peak": plan.peak,
        "makespan": round(plan.makespan, 3),
        "cpu": round(plan.cpu, 3),
        "fits": plan.fits,
        "price": round(plan.price, 3),
    }


def dealt_values(rule: Rule) -> dict[str, tuple[Value, ...]]:
    """The values of each shard. Raises RuleError where two tables deal to the same files differently.

    Two partitions of one file (two families of kernels) usually share their shards: then the table counts
    once, and a new dealing is for all of them.
    """
    tables: list[dict[str, tuple[Value, ...]]] = []
    for partition in rule.partition:
        tables.append(dict(partition.shards))
    for instantiate in rule.instantiate:
        tables.append({name: tuple(values) for name, values in instantiate.shards.items()})
    if not tables:
        raise RuleError("the rule deals nothing to shards")
    if any(table != tables[0] for table in tables[1:]):
        raise RuleError(
            "the rule's tables deal to their shards differently",
            hint="give each the same `shards`, or set them by hand",
        )
    return tables[0]


def propose(rule: Rule, costs: Mapping[str, Cost], budget: Budget, most: int | None = None) -> BudgetProposal:
    """What fits ``budget``, with at most so many shards.

    ``costs`` are by shard file as the rule names it. Raises RuleError for a shard that was not measured.
    """
    table = dealt_values(rule)
    measured = []
    for name, values in table.items():
        cost = next((cost for path, cost in costs.items() if path == name or path.endswith("/" + name)), None)
        if cost is None:
            raise RuleError(f"{name} was not measured", hint="run `mergeguard cost` first")
        measured.append(([_key(value) for value in values], cost.seconds, cost.memory))
    arms = arm_costs(measured, budget.floor_seconds, budget.floor_memory)
    candidates = plans(arms, budget, most)
    chosen = best(candidates)
    shards: dict[str, tuple[Value, ...]] = {}
    if chosen is not None:
        names = shard_names(list(table), len(chosen.shards))
        for name, keys in zip(names, chosen.shards, strict=True):
            shards[name] = tuple(map(_value, keys))
    least = budget.floor_memory + max((arm.memory for arm in arms), default=0)
    profiles = [Profile(str(n), seconds, memory) for n, (_, seconds, memory) in enumerate(measured)]
    now = plan_of(tuple(tuple(keys) for keys, _, _ in measured), profiles, budget)
    return BudgetProposal(now, candidates, chosen, shards, least)


def _key(value: Value) -> str:
    """The name of an arm; `64` and `"64"` are two."""
    return f"{type(value).__name__}:{value}"


def _value(key: str) -> Value:
    kind, _, text = key.partition(":")
    return int(text) if kind == "int" else text


def shard_names(present: Sequence[str], count: int) -> tuple[str, ...]:
    """File names for ``count`` shards: those there are first, then numbered ones of the same kind."""
    names = list(present[:count])
    stem, suffix = posixpath.splitext(present[0]) if present else ("shard", ".cu")
    base = re.sub(r"_?\d+$", "", stem) or stem
    number = 1
    while len(names) < count:
        name = f"{base}_{number}{suffix}"
        if name not in names and name not in present:
            names.append(name)
        number += 1
    return tuple(names)


_TABLE = re.compile(r"^[ \t]*\[{1,2}[^\[\]\n]+\]{1,2}[ \t]*(?:#.*)?$", re.MULTILINE)
_SHARDS_TABLE = re.compile(r"^[ \t]*\[(partition|instantiate)\.shards\][ \t]*(?:#.*)?$", re.MULTILINE)
_INLINE = re.compile(r"^([ \t]*)shards[ \t]*=[ \t]*\{", re.MULTILINE)
_REST = re.compile(r'^([ \t]*rest[ \t]*=[ \t]*)(["\'])([^"\'\n]*)\2', re.MULTILINE)


def rewrite(text: bytes, path: str, shards: Mapping[str, tuple[Value, ...]]) -> bytes:
    """The rule file with every table of shards replaced; all else, comments too, stays as it is.

    A ``rest`` that names a shard which is no more becomes the last shard. The outcome is read back before it
    is returned. Raises RuleError if it does not say what it should.
    """
    if not shards:
        raise RuleError("no dealing to write")
    out = _replace_inline(_replace_tables(text.decode("utf-8"), shards), shards)
    names = list(shards)

    def rest(found: re.Match[str]) -> str:
        return found[0] if found[3] in names else f"{found[1]}{found[2]}{names[-1]}{found[2]}"

    encoded = _REST.sub(rest, out).encode()
    rule = parse_rule(encoded, path)
    if dealt_values(rule) != dict(shards):
        raise RuleError("the rule's shards can't be replaced in its text; write them by hand")
    return encoded


def _replace_tables(text: str, shards: Mapping[str, tuple[Value, ...]]) -> str:
    lines = "".join(f"{_string(name)} = {_array(values)}\n" for name, values in shards.items())
    out: list[str] = []
    at = 0
    for found in _SHARDS_TABLE.finditer(text):
        following = _TABLE.search(text, found.end())
        end = following.start() if following else len(text)
        body = text[found.end() : end]
        blank = body[len(body.rstrip()) :] if following else "\n"
        out += [text[at : found.end()], "\n", lines.rstrip("\n"), blank]
        at = end
    return "".join([*out, text[at:]])


def _replace_inline(text: str, shards: Mapping[str, tuple[Value, ...]]) -> str:
    inside = ", ".join(f"{_string(name)} = {_array(values)}" for name, values in shards.items())
    out: list[str] = []
    at = 0
    for found in _INLINE.finditer(text):
        end = _closing_brace(text, found.end() - 1)
        out += [text[at : found.start()], f"{found[1]}shards = {{ {inside} }}"]
        at = end
    return "".join([*out, text[at:]])


def _closing_brace(text: str, opening: int) -> int:
    """After the brace that closes the inline table; braces in strings do not count."""
    depth = 0
    quote = ""
    position = opening
    while position < len(text):
        sign = text[position]
        if quote:
            if sign == "\\" and quote == '"':
                position += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif sign in "{}":
            depth += 1 if sign == "{" else -1
            if depth == 0:
                return position + 1
        position += 1
    return len(text)


def _string(value: str) -> str:
    if "'" not in value and ('"' in value or "\\" in value):
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _array(values: Sequence[Value]) -> str:
    return "[" + ", ".join(str(v) if isinstance(v, int) else _string(v) for v in values) + "]"
