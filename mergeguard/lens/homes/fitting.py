"""Where a rule's partitions and instantiations are in a monolith, and which shard gets what of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import chain

from mergeguard.cpp.blocks import opened, qualified_name
from mergeguard.cpp.branches import Arm, Branching, branchings, sequences
from mergeguard.cpp.declaration import qualifiers
from mergeguard.cpp.source import Item, Kind, Unit, identifiers
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.assignment import DealtInstantiation, DealtPartition, DealtPlace, Declared
from mergeguard.lens.homes.globs import SPECIAL, ArgumentShards, squeezed
from mergeguard.lens.homes.ground import Ground
from mergeguard.lens.homes.instances import full_name, written_instantiations
from mergeguard.lens.rule import Instantiate, Over, Partition
from mergeguard.values import cached_property


class RuleFit:
    """``declared`` are the specialisations that the header has to declare to who does not have them."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.declared: list[Declared] = []

    def partition(self, rule: Partition) -> DealtPartition | None:
        entry = self._only(rule.entry, "the entry")
        if entry is None:
            if rule.optional:
                return None
            raise RuleMismatch(
                f"there is no function `{rule.entry}`{self._other_name(rule.entry)}",
                where=Location(self.ground.path),
                hint="correct `entry`, or say `optional = true` in the [[partition]]",
            )
        for flag, why in (
            ("static", "has internal linkage"),
            ("template", "is a template"),
            ("anonymous", "is in an anonymous namespace"),
        ):
            if flag in self.ground.flags(entry) and not self.ground.thin:
                raise self.ground.mismatch(
                    entry, f"the entry `{rule.entry}` {why}: shards can't be called by its name"
                )
        if (
            self.ground.qualified
            and not self.ground.thin
            and (owners := qualifiers(self.ground.source, entry))
        ):
            raise self.ground.mismatch(
                entry,
                f"the entry `{rule.entry}` is defined outside of `{'::'.join(owners)}`: no shard can have "
                "one of its own",
                'say `interface = "thin"`: the function stays in the entry then',
            )
        if entry.parameter_list is None or entry.body is None:
            raise self.ground.mismatch(entry, f"can't read the parameters of `{rule.entry}`")
        holder, branching = self._branching(rule, self.function(rule))
        if rule.over.then is not None:
            return self._by_product(rule, entry, holder, branching)
        shard_of, unlisted = self._deal(rule, holder, branching)
        return DealtPartition(rule, entry, holder, branching, shard_of, unlisted)

    def _by_product(self, rule: Partition, entry: Item, holder: Item, branching: Branching) -> DealtPartition:
        """The choices in the arms of a switch, whose arms are dealt by both labels."""
        if not self.ground.thin or not self.ground.qualified or branching.kind != "switch":
            raise self.ground.mismatch(
                holder,
                f"partition of `{rule.entry}`: what stands in the arms of a switch is dealt in its place",
                'say `interface = "thin"`, and name the function with `::`',
            )
        places: list[DealtPlace] = []
        for arm in branching.arms:
            inner = self._inner(rule, holder, arm)
            if inner is not None:
                places.append(
                    DealtPlace(inner, self._shards_by_product(rule, holder, arm, inner), arm.labels)
                )
            elif not arm.is_default:
                self.ground.notes.append(
                    f"{rule.entry}: the arm `{', '.join(arm.labels)}` does not choose by `{rule.over.then}`: "
                    "it stays in the entry"
                )
        if not places:
            raise self.ground.mismatch(
                holder, f"partition of `{rule.entry}`: no arm chooses by `{rule.over.then}`"
            )
        self._check_product(rule, holder, places)
        first = places[0]
        return DealtPartition(rule, entry, holder, first.branching, first.shard_of, (), tuple(places))

    def _inner(self, rule: Partition, holder: Item, arm: Arm) -> Branching | None:
        """The choice that stands in an arm; None if there is none."""
        then = rule.over.then
        found = [
            one
            for one in branchings(self.ground.source, holder)
            if arm.start <= one.start and one.end <= arm.end
            if _fits(one, Over(in_="", switch=then)) or _fits(one, Over(in_="", chain=then))
        ]
        if len(found) > 1:
            label = ", ".join(arm.labels)
            raise self.ground.mismatch(holder, f"the arm `{label}` chooses {len(found)} times by `{then}`")
        return found[0] if found else None

    def _shards_by_product(
        self, rule: Partition, holder: Item, outer: Arm, inner: Branching
    ) -> tuple[str, ...]:
        """The shard of each arm of a choice within another's arm."""
        shard_of: list[str] = []
        for arm in inner.arms:
            shards = set() if arm.is_default else _listed(rule, outer.labels, arm.labels)
            label = f"{', '.join(outer.labels)}/{', '.join(arm.labels)}"
            if len(shards) > 1:
                raise self.ground.mismatch(
                    holder, f"the arm `{label}` is listed for {' and '.join(sorted(shards))}"
                )
            if not shards and not arm.is_default:
                self.ground.notes.append(
                    f"{rule.entry}: no shard lists the arm `{label}`; {rule.rest} serves it"
                )
            shard_of.append(next(iter(shards), rule.rest))
        if inner.kind == "switch":
            self._check_falling(holder, inner, shard_of)
        return tuple(shard_of)

    def _check_product(self, rule: Partition, holder: Item, places: Sequence[DealtPlace]) -> None:
        """Raises RuleMismatch for a label that no arm has."""
        arms = [
            (place.under, arm.labels)
            for place in places
            for arm in place.branching.arms
            if not arm.is_default
        ]
        for shard, values in rule.shards.items():
            for value in map(str, values):
                if value.endswith("?") or any(_is_listed(value, *labels) for labels in arms):
                    continue
                under, labels = arms[0]
                raise self.ground.mismatch(
                    holder,
                    f"partition of `{rule.entry}`: no arm has the label `{value}`, listed for {shard}",
                    f'labels are like "{under[0]}/{labels[0]}"; "{value}?" need not be there',
                )

    def _functions(self, name: str) -> list[Item]:
        last = name.rpartition("::")[2]
        pairs = self._defined.get(last, []) if last.isidentifier() else chain(*self._defined.values())
        found = [item for unit, item in pairs if self.ground.is_named(unit, item, name)]
        return sorted(found, key=lambda item: item.start)

    @cached_property
    def _defined(self) -> dict[str, list[tuple[Unit, Item]]]:
        """The functions that the file defines, by their names without namespaces."""
        found: dict[str, list[tuple[Unit, Item]]] = defaultdict(list)
        for unit in self.ground.units:
            for item in unit.items:
                if item.kind in (Kind.FUNCTION, Kind.KERNEL) and "definition" in item.flags:
                    found[item.name.rpartition("::")[2]].append((unit, item))
        return found

    def _only(self, name: str, what: str) -> Item | None:
        found = self._functions(name)
        if len(found) > 1:
            raise self.ground.mismatch(found[1], f"{what} `{name}` is defined {len(found)} times")
        return found[0] if found else None

    def function(self, rule: Partition) -> Item:
        holder = self._only(rule.over.in_, "the function of `over`")
        if holder is None:
            raise RuleMismatch(
                f"partition of `{rule.entry}`: there is no function `{rule.over.in_}`"
                f"{self._other_name(rule.over.in_)}",
                where=Location(self.ground.path),
                hint=f"`mergeguard init --dry-run {self.ground.path}` shows the branchings of this file",
            )
        return holder

    def _branching(self, rule: Partition, function: Item) -> tuple[Item, Branching]:
        """The branching that ``over`` means, and where it stands: the function, or a macro it leads to."""
        over = rule.over
        outer: list[tuple[Item, Branching]] = []
        for holder in (function, *self._macros_of(function)):
            find = branchings if over.sequence is None else sequences
            fitting = [c for c in find(self.ground.source, holder) if _fits(c, over)]
            outer += [
                (holder, c)
                for c in fitting
                if not any(o is not c and o.start <= c.start and c.end <= o.end for o in fitting)
            ]
            if holder is function and outer:
                break
        spelled = f"switch ({over.switch})"
        if over.switch is None:
            what = "if / else-if chain" if over.chain is not None else "sequence of ifs that return"
            spelled = f"{what} over `{over.chain or over.sequence}`"
        if len(outer) == 1:
            return outer[0]
        most = max((len(c.arms) for _, c in outer), default=0)
        longest = [(holder, c) for holder, c in outer if len(c.arms) == most]
        if over.switch is None and len(longest) == 1 and most > 1:
            return longest[0]
        problem = "has no" if not outer else f"has {len(outer)} times a"
        raise self.ground.mismatch(
            function,
            f"partition of `{rule.entry}`: `{over.in_}` {problem} {spelled}",
            f"`mergeguard init --dry-run {self.ground.path}` shows the branchings of this file",
        )

    def _other_name(self, name: str) -> str:
        """Where a function of that name is that the rule's word does not mean."""
        last = name.rpartition("::")[2]
        for unit in opened(self.ground.source).units:
            for item in unit.items:
                if item.kind in (Kind.FUNCTION, Kind.KERNEL) and item.name.rpartition("::")[2] == last:
                    found = qualified_name(unit, item)
                    found = found if "::" in found else f"::{found}"
                    if found != name:
                        return f"; there is one that a rule names `{found}`"
        return ""

    def _check_labels(self, rule: Partition, holder: Item, branching: Branching) -> None:
        """A label that no arm has: an error of new emissions, of the others a note."""
        labels = {label for arm in branching.arms for label in arm.labels}
        for shard, values in rule.shards.items():
            for value in map(str, values):
                optional = value.endswith("?") and self.ground.qualified
                text = value.removesuffix("?") if optional else value
                there = text in labels if branching.kind == "switch" else any(text in one for one in labels)
                if there or optional:
                    continue
                message = f"no arm has the label `{value}`, listed for {shard}"
                if self.ground.qualified:
                    hint = f'write `"{value}?"` if upstream need not have it'
                    raise self.ground.mismatch(holder, f"partition of `{rule.entry}`: {message}", hint)
                self.ground.notes.append(f"{rule.entry}: {message}")

    def _macros_of(self, function: Item) -> list[Item]:
        """The macros at file scope that a function's text expands to, directly or through each other."""
        words = self.ground.environment.closure(
            identifiers(self.ground.source, function.start, function.end), function.code_end
        )
        return [
            item
            for unit in self.ground.units
            for item in unit.items
            if item.kind is Kind.MACRO and item.name in words
        ]

    def check_macro_users(self, partition: DealtPartition, homes: tuple[str, ...]) -> None:
        """A dealt macro means another thing in each shard: only what each shard has its own of may use it."""
        macro = partition.holder
        if macro.kind is not Kind.MACRO:
            return
        for unit, home in zip(self.ground.units, homes, strict=True):
            for item in unit.items:
                if home == partition.rule.body or item.kind not in (Kind.FUNCTION, Kind.KERNEL, Kind.TYPE):
                    continue
                if self.ground.thin and item.start == self.function(partition.rule).start:
                    continue  # every use of it in there is dealt
                words = identifiers(self.ground.source, item.start, item.end)
                if macro.name in self.ground.environment.closure(words, item.code_end):
                    raise self.ground.mismatch(
                        item,
                        f"`{item.name}` uses the macro `{macro.name}`, whose arms are dealt to shards",
                        f"give `{item.name}` a [[partition]] of its own, with the same `body`",
                    )

    def _deal(
        self, rule: Partition, holder: Item, branching: Branching
    ) -> tuple[tuple[str, ...], tuple[Arm, ...]]:
        listed = {str(value): shard for shard, values in rule.shards.items() for value in values}
        if self.ground.qualified:
            listed = {value.removesuffix("?"): shard for value, shard in listed.items()}
        by_condition: dict[str, set[str]] = defaultdict(set)
        for value, shard in listed.items():
            by_condition[squeezed(value)].add(shard)
        shard_of: list[str] = []
        unlisted: list[Arm] = []
        for arm in branching.arms:
            if branching.kind == "switch":
                shards = {listed[label] for label in arm.labels if label in listed}
            else:
                exact = by_condition.get(squeezed(arm.labels[0]))
                shards = exact or {shard for text, shard in listed.items() if text in arm.labels[0]}
            if len(shards) > 1:
                raise self.ground.mismatch(
                    holder, f"the arm `{', '.join(arm.labels)}` is listed for {' and '.join(sorted(shards))}"
                )
            if not shards and not arm.is_default:
                unlisted.append(arm)
            shard_of.append(next(iter(shards), rule.rest))
        if all(arm.is_default or arm in unlisted for arm in branching.arms):
            raise self.ground.mismatch(holder, f"partition of `{rule.entry}`: no shard lists any of its arms")
        self._check_falling(holder, branching, shard_of)
        self._check_labels(rule, holder, branching)
        for arm in unlisted:
            self.ground.notes.append(
                f"{rule.entry}: no shard lists the arm `{', '.join(arm.labels)}`; {rule.rest} serves it"
            )
        return tuple(shard_of), tuple(unlisted)

    def _check_falling(self, holder: Item, branching: Branching, shard_of: Sequence[str]) -> None:
        """An arm that falls through into the next one is in its shard, too."""
        for arm, shard, after, following in zip(
            branching.arms, shard_of, branching.arms[1:], shard_of[1:], strict=False
        ):
            if arm.falls_through and shard != following and not after.is_default:
                raise self.ground.mismatch(
                    holder,
                    f"the arm `{', '.join(arm.labels)}` falls through into `{', '.join(after.labels)}`, "
                    f"which {following} serves",
                    "list both for one shard",
                )

    def instantiations(self, rule: Instantiate) -> Iterable[DealtInstantiation]:
        found: list[str] = []
        shards = ArgumentShards(rule)
        for unit in self.ground.units:
            for item in unit.items:
                arguments = self._instantiated(rule, unit, item)
                if arguments is None:
                    continue
                found.append(arguments)
                shard = shards.of(arguments)
                if shard is None:
                    self.ground.notes.append(
                        f"no shard lists {rule.template}<{arguments}>; {rule.rest} has it"
                    )
                yield DealtInstantiation(rule, item, shard or rule.rest)
                if item.kind is Kind.FUNCTION:
                    # Text that does not see a specialisation takes the general one, without a word.
                    self.declared.append(Declared(item, unit.scopes))
        if not found and not rule.add:
            raise RuleMismatch(
                f"`{rule.template}` is not explicitly instantiated{self._elsewhere(rule)}",
                where=Location(self.ground.path),
                hint="list the template arguments in `add`, or correct `template`",
            )
        self._note_idle_globs(rule, [*found, *rule.add])

    def _note_idle_globs(self, rule: Instantiate, arguments: Sequence[str]) -> None:
        """Say which globs mean no instantiation that there is."""
        found = {squeezed(one) for one in arguments}
        for shard, globs in rule.shards.items():
            for glob in globs:
                plain = squeezed(glob)
                if plain in found and not SPECIAL.intersection(plain):
                    continue
                if not any(fnmatchcase(one, plain) for one in found):
                    self.ground.notes.append(
                        f"{rule.template}: nothing fits the glob `{glob}`, listed for {shard}"
                    )

    def _instantiated(self, rule: Instantiate, unit: Unit, item: Item) -> str | None:
        """The arguments with which an item instantiates the rule's template; None if it does not."""
        if not self.ground.qualified:
            named = item.kind is Kind.INSTANTIATION and fnmatchcase(item.name, rule.template)
            return item.arguments if named else None
        for written in written_instantiations(self.ground.source, item):
            if fnmatchcase(full_name(unit, item, written), rule.template.removeprefix("::")):
                return written.asked
        return None

    def _elsewhere(self, rule: Instantiate) -> str:
        """What a rule that does not look into blocks, or macros, misses."""
        last = rule.template.rpartition("::")[2]
        for unit in opened(self.ground.source).units:
            for item in unit.items:
                for written in written_instantiations(self.ground.source, item):
                    name = full_name(unit, item, written)
                    if fnmatchcase(name.rpartition("::")[2], last):
                        name = name if "::" in name else f"::{name}"
                        return f" outside of blocks and macros; `{name}` is, inside"
        return ""


def _fits(candidate: Branching, over: Over) -> bool:
    """Whether a branching is of the kind and over the value that the rule names."""
    if over.switch is not None:
        return candidate.kind == "switch" and squeezed(candidate.subject) == squeezed(over.switch)
    name = over.chain or over.sequence or ""
    conditions = [arm for arm in candidate.arms if not arm.is_default]
    return (
        candidate.kind == ("chain" if over.chain is not None else "sequence")
        and bool(conditions)
        and all(name in _words(arm.labels[0]) for arm in conditions)
    )


def _listed(rule: Partition, outer: Sequence[str], inner: Sequence[str]) -> set[str]:
    """The shards that list an arm within an arm: by name, or else by glob."""
    values = [(str(value).removesuffix("?"), shard) for shard, some in rule.shards.items() for value in some]
    named = {shard for value, shard in values if value in [f"{a}/{b}" for a in outer for b in inner]}
    return named or {shard for value, shard in values if _is_listed(value, outer, inner)}


def _is_listed(value: str, outer: Sequence[str], inner: Sequence[str]) -> bool:
    """Whether a rule's ``outer/inner`` means an arm: globs of labels, or text of the inner condition."""
    first, _, second = value.partition("/")
    means_outer = any(fnmatchcase(label, first) for label in outer)
    return means_outer and any(fnmatchcase(label, second) or second and second in label for label in inner)


def _words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() or c == "_" else " " for c in text).split())
