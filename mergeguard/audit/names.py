"""Names that one side took away or changed while the other side's code relies on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mergeguard.audit.context import Trees, role, their
from mergeguard.audit.facts import DEFINING, Facts, raw
from mergeguard.audit.model import BASE, MERGED, SIDES, Changed, Finding, Place, other
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import similarity
from mergeguard.cpp.likeness import TAKEN_PLACE
from mergeguard.merge.edits import side_edit

_MANY = 300  # candidates for a new name that are compared at most


def gone(trees: Trees) -> Iterator[Finding]:
    """Names that one side removed or renamed and code that only the other side has still uses."""
    for remover in SIDES:
        user = other(remover)
        suspects = [*_removed(trees, remover, trees.all_added[user])]
        trees.elsewhere(old.short for _, old in suspects)  # one look for all
        seen: set[str] = set()
        for file, old in suspects:
            name = old.short
            if name in seen:
                continue
            if trees.is_declared(remover, name):
                seen.add(name)
                continue
            use = _new_use(trees, remover, file, old)
            if use is None or trees.is_declared(MERGED, name):
                continue
            seen.add(name)
            successor = _successor(trees, file, old, remover)
            what = f"{their(remover)} side removed the {role(old.kind)} {old.name}"
            hint = ""
            places = [use, Place(BASE, file.path(BASE), old.line)]
            if successor is not None:
                where, new, alike = successor
                what = f"{their(remover)} side renamed the {role(old.kind)} {old.name} to {new.name}"
                hint = f"{new.name} is {alike:.0%} alike: use that name"
                places.append(trees.at(where, remover, new))
            yield Finding(
                "gone-name",
                old.name,
                f"{what}, and code that only {their(user)} side has uses it",
                user,
                tuple(places),
                hint,
            )


def _removed(trees: Trees, remover: str, wanted: frozenset[str]) -> Iterator[tuple[Changed, Declaration]]:
    """What a side no longer has in the file and no other changed file of it has either."""
    for index, file in trees.edited(remover):
        candidates = trees.removed_of(wanted, index, remover)
        base, after = file.of(BASE), file.of(remover)
        if not candidates or base is None:
            continue
        for name in sorted(candidates & base.by_short.keys()):
            if after is not None and name in after.by_short:
                continue
            # A specialisation is not the thing itself, which may well be another library's.
            old = next((e for e in base.by_short[name] if not e.item.arguments), None)
            if old is None or old.kind is Kind.INSTANTIATION or trees.declarations(remover, name):
                continue
            yield file, old


def gone_inside(trees: Trees) -> Iterator[Finding]:
    """Members, enumerators, parameters and locals that one side renamed or removed and the other newly uses.

    Only names that the remover has nowhere any more: too many things may share such a name.
    """
    for remover in SIDES:
        user = other(remover)
        wanted = trees.all_added[user]
        seen: set[str] = set()
        for index, file in trees.edited(remover):
            base = file.of(BASE)
            candidates = trees.removed_of(wanted, index, remover) - seen
            if base is None or not candidates:
                continue
            for name in sorted(candidates):
                if trees.mentions(remover, name):
                    continue
                owner = next((e for e in base.declarations if name in e.declared), None)
                if owner is None or owner.short == name:
                    continue
                use = _inner_use(trees, file, owner, remover, user, name)
                if use is None or trees.elsewhere([name]):
                    continue
                if any(name in e.declared for _, e in trees.declarations(MERGED, owner.short)):
                    continue  # the user's side has brought the owner along, in another file
                seen.add(name)
                place, merged_entity = use
                yield Finding(
                    "gone-name",
                    name,
                    f"{their(remover)} side removed or renamed {name} in {owner.name}, and code that only"
                    f" {their(user)} side has uses it in {merged_entity.name or 'this file'}",
                    user,
                    (place, Place(BASE, file.path(BASE), owner.line)),
                )


def _inner_use(
    trees: Trees, home: Changed, owner: Declaration, remover: str, user: str, name: str
) -> tuple[Place, Declaration] | None:
    """A use in the result of a name that ``owner`` declared: in itself, or anywhere for a type's member."""
    for index, file in trees.edited(user):
        merged = file.of(MERGED)
        if merged is None or name not in trees.added(index, user):
            continue
        for offset in merged.occurrences(name):
            declaration = merged.declaration_at(offset)
            if declaration is None or name in declaration.declared or name in merged.by_short:
                continue
            if declaration.kind in (Kind.INCLUDE, Kind.CONDITIONAL, Kind.USING):
                continue
            own = file is home and declaration.short == owner.short
            if own or (owner.kind is Kind.TYPE and trees.sees(user, file, home)):
                return trees.place(file, MERGED, offset), declaration
    return None


def _new_use(trees: Trees, remover: str, home: Changed, old: Declaration) -> Place | None:
    """A use in the result that the remover's side does not have, in a file that sees ``old`` of ``home``."""
    user, name = other(remover), old.short
    for index, file in trees.edited(user):
        merged = file.of(MERGED)
        if merged is None or name not in trees.added(index, user):
            continue
        uses = [offset for offset in merged.uses(name) if _may_mean(merged, offset, old)]
        there = file.of(remover)
        before = list(there.uses(name)) if there is not None else []
        if len(uses) <= len(before) or not trees.sees(user, file, home):
            continue
        known = Counter(line_at(there, offset) for offset in before) if there is not None else Counter()
        for offset in uses:
            line = line_at(merged, offset)
            if not known[line]:
                return trees.place(file, MERGED, offset)
            known[line] -= 1
    return None


def _may_mean(facts: Facts, offset: int, declaration: Declaration) -> bool:
    """Whether the name at ``offset`` is not qualified by a namespace that is not the declaration's."""
    lexed = facts.source.lexed
    index = lexed.index_at(offset)
    if index < 2 or lexed.word(index - 1) != "::":
        return True
    qualifier = lexed.word(index - 2)
    return not qualifier.isidentifier() or qualifier in declaration.name.split("::")[:-1]


def line_at(facts: Facts, offset: int) -> bytes:
    text = facts.text
    end = text.find(b"\n", offset)
    return text[text.rfind(b"\n", 0, offset) + 1 : end if end >= 0 else len(text)].strip()


def _successor(
    trees: Trees, file: Changed, old: Declaration, remover: str
) -> tuple[Changed, Declaration, float] | None:
    """The new definition of the remover's side that is most like ``old``, if any is alike."""
    body = _anonymous(old)
    if len(body) < 6:
        return None
    best: tuple[float, int, Changed, Declaration] | None = None
    compared = 0
    others = [f for _, f in trees.edited(remover) if f is not file]
    for number, candidate in enumerate((file, *others)):
        after, before = candidate.of(remover), candidate.of(BASE)
        if after is None:
            continue
        known = before.by_short if before is not None else {}
        for declaration in after.declarations:
            if (
                declaration.kind != old.kind
                or declaration.short in known
                or not declaration.short
                or compared >= _MANY
            ):
                continue
            compared += 1
            alike = similarity(body, _anonymous(declaration))
            if alike >= TAKEN_PLACE and (best is None or (alike, -number) > best[:2]):
                best = (alike, -number, candidate, declaration)
    return (best[2], best[3], best[0]) if best is not None else None


def _anonymous(declaration: Declaration) -> list[bytes]:
    return [raw(word) for word in declaration.tokens if word != declaration.short]


# -- includes ------------------------------------------------------------------------------------------


def gone_files(trees: Trees) -> Iterator[Finding]:
    """Files that one side removed or moved and the other side newly includes."""
    for remover in SIDES:
        user = other(remover)
        gone_ = [f for _, f in trees.edited(remover) if f.of(BASE) is not None and _is_gone(f, remover)]
        news = list(_new_includes(trees, user)) if gone_ else []
        if not news:
            continue
        after = [f.of(remover) for _, f in trees.edited(remover)]
        remaining = {include for facts in after if facts is not None for include in facts.includes}
        for removed in gone_:
            path = removed.path(BASE)
            for file, include in news:
                there = file.of(remover)
                if include.rsplit("/", 1)[-1] != path.rsplit("/", 1)[-1] or include in remaining:
                    continue
                if _resolves(trees, include) or there is not None and include in there.includes:
                    continue
                folder = file.path(MERGED).rpartition("/")[0]
                if path != f"{folder}/{include}" and not path.endswith(f"/{include}") and path != include:
                    continue
                at = file.text(MERGED).find(raw(include))
                now = removed.paths.get(remover)
                became = f"moved {path} to {now}" if now else f"removed {path}"
                yield Finding(
                    "gone-file",
                    path,
                    f"{their(remover)} side {became}, and {their(user)} side newly includes it",
                    user,
                    (trees.place(file, MERGED, at), Place(BASE, path, 1)),
                )


def _is_gone(file: Changed, remover: str) -> bool:
    """Whether a side has the file no longer, or elsewhere."""
    return file.paths.get(remover) != file.path(BASE)


def _new_includes(trees: Trees, user: str) -> Iterator[tuple[Changed, str]]:
    """What the result includes and the base did not, in files that a side added includes to."""
    for index, file in trees.edited(user):
        merged, base = file.of(MERGED), file.of(BASE)
        if merged is None or not any(b"include" in line for line in trees.edit(index, user).lines.added):
            continue
        before = base.includes if base is not None else ()
        yield from ((file, include) for include in merged.includes if include not in before)


def _resolves(trees: Trees, include: str) -> bool:
    """Whether a changed file of the result may be what is included."""
    name = include.lstrip("./")
    return any(
        file.of(MERGED) is not None and f"/{file.path(MERGED)}".endswith(f"/{name}") for file in trees.files
    )


# -- dead code -----------------------------------------------------------------------------------------


def unused(trees: Trees) -> Iterator[Finding]:
    """What one side edited or added and used, and nothing in the result uses: the other side took the use."""
    for editor in SIDES:
        remover = other(editor)
        seen: set[str] = set()
        for file, taken in _edited_files(trees, editor, remover):
            merged, own = file.of(MERGED), file.of(editor)
            if merged is None or own is None:
                continue
            if not own.mentions(taken):
                continue
            names = sorted(taken & own.by_short.keys() & merged.by_short.keys() - seen)
            names = [name for name in names if _edited(file, editor, name) is not None]
            trees.elsewhere(names)
            for name in names:
                seen.add(name)
                if trees.uses(MERGED, name) or not trees.uses(editor, name) or trees.mentioned(name):
                    continue
                declaration = next((e for e in merged.by_short[name] if e.defines), None)
                if declaration is None:
                    continue
                places = [trees.at(file, MERGED, declaration)]
                lost = _lost_use(trees, remover, name)
                if lost is not None:
                    places.append(lost)
                yield Finding(
                    "unused-edit",
                    declaration.name,
                    f"{their(editor)} side edited the {role(declaration.kind)} {declaration.name},"
                    f" which nothing uses any more: {their(remover)} side removed what used it",
                    editor,
                    tuple(places),
                )


def _edited_files(trees: Trees, editor: str, remover: str) -> Iterator[tuple[Changed, frozenset[str]]]:
    """The files whose code a side edited, each with the words that the other side took away somewhere."""
    is_compared = trees.is_compared(remover)
    if is_compared and not trees.taken(remover):
        return
    files = [f for index, f in trees.edited(editor) if trees.edit(index, editor).touches_code]
    if is_compared:
        taken = trees.taken(remover) if files else frozenset[str]()
    else:
        taken = trees.taken_of(frozenset(n for file in files for n in _edited_names(file, editor)), remover)
    yield from ((file, taken) for file in files if taken)


def _edited_names(file: Changed, editor: str) -> Iterator[str]:
    """What the side defines anew, or otherwise, in a file."""
    own, merged = file.of(editor), file.of(MERGED)
    if own is not None and merged is not None:
        names = own.by_short.keys() & merged.by_short.keys()
        yield from (name for name in names if _edited(file, editor, name) is not None)


def _edited(file: Changed, editor: str, name: str) -> Declaration | None:
    """The side's definition of ``name`` whose code it edited or added."""
    own, base = file.of(editor), file.of(BASE)
    assert own is not None
    before = Counter(e.tokens for e in base.by_short.get(name, ())) if base is not None else Counter()
    for declaration in own.by_short[name]:
        if declaration.defines and declaration.kind in DEFINING and not before[declaration.tokens]:
            return declaration
    return None


def _lost_use(trees: Trees, remover: str, name: str) -> Place | None:
    """A use in the base that the remover no longer has."""
    for _, file in trees.edited(remover):
        base, after = file.of(BASE), file.of(remover)
        if base is None:
            continue
        removed = side_edit(base.text, after.text if after is not None else b"").removed
        lines = {line.strip() for line in removed}
        for offset in base.uses(name):
            if line_at(base, offset) in lines:
                return trees.place(file, BASE, offset)
    return None
