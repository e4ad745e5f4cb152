"""The ready rules of other projects through their releases: a split fork with edits, an unsplit one in git.

Three edits, typed into the layout as a maintainer does: a line in each of the two largest functions, and a
function of the fork's own before the second, which calls it. Releases are those of the cache, oldest first,
in which the rule's file is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.census.compiling import Compiled, Program, compile_both
from benchmarks.census.toolchain import command
from benchmarks.releases.chain import Edited, LocalEdit, Step, Version, steps
from benchmarks.releases.forks import Bench
from mergeguard.cpp.blocks import opened
from mergeguard.cpp.source import Item, Kind, parse
from mergeguard.errors import MergeguardError
from mergeguard.lens.rule import parse_rule
from tests.support import corpus, layouts, projects

# The project on the package index, and where upstream's tree is in its source distribution.
SETS = {
    "causal-conv1d": ("causal-conv1d", ""),
    "deepspeed": ("deepspeed", ""),
    "lightgbm": ("lightgbm", ""),
    "llama.cpp": ("llama-cpp-python", "vendor/llama.cpp"),
}
FIRST, SECOND = b"  // fork: in the first", b"  (void)fork_own(1);  // fork: in the second"
OWN = b"FORK_OWN int fork_own(int x) {\n  return x + 1;  // fork: own\n}\n\n"


def edited(text: bytes) -> Edited:
    """The file with the edits, as far as it has places for them."""
    source = parse(text, calls_end=True)
    items = [i for unit in opened(source).units for i in unit.items if i.body is not None]
    functions = [i for i in items if i.kind in (Kind.FUNCTION, Kind.KERNEL)]
    largest = sorted(functions, key=lambda i: i.start - i.end)[:2]
    inserts: list[tuple[int, bytes]] = []
    edits: list[LocalEdit] = []
    for mark, item in zip((FIRST, SECOND), largest, strict=False):
        inserts.append((_line_in(text, item), mark + b"\n"))
        edits.append(LocalEdit(mark.strip(), item.name))
    if largest:
        device = largest[-1].kind is Kind.KERNEL or "device" in largest[-1].flags
        own = OWN.replace(b"FORK_OWN", b"static __device__" if device else b"static")
        at = text.rfind(b"\n", 0, largest[-1].code_start) + 1
        inserts.append((at, own))
        edits.append(LocalEdit(b"return x + 1;  // fork: own", ""))
    for offset, insert in sorted(inserts, reverse=True):
        text = text[:offset] + insert + text[offset:]
    return Edited(text, tuple(edits), tuple(inserts))


def _line_in(text: bytes, item: Item) -> int:
    """A line start near the middle of a function, where a statement has just ended."""
    assert item.body is not None
    at = (item.body[0] + item.body[1]) // 2
    while 0 < at < item.body[1]:
        at = text.find(b"\n", at) + 1
        if text[:at].rstrip().endswith((b";", b"}")) and text[at : at + 1] in (b" ", b"\t"):
            return at
    return text.find(b"\n", item.body[0]) + 1


def chains(names: Sequence[str], most: int, deps: Path | None = None, only: str = "") -> Iterator[Step]:
    """The steps of every rule of the sets ``names``, through the ``most`` newest releases of each.

    ``deps``: compile each layout, too, with headers from there (``benchmarks/census/flags.toml``).
    """
    for name in names:
        project, root = SETS[name]
        versions = _cached(project)[-most:]
        for rule in sorted((layouts.ROOT / "rules" / name).glob(f"*{only}*.toml")):
            yield from chain(rule, project, root, versions, deps)


def _cached(project: str) -> list[str]:
    """The releases that this machine has, oldest first, or else the newest one."""
    known = corpus.source_releases(project)
    found = [version for version in known if projects.is_cached(project, version)]
    return found or list(known[-1:])


def chain(
    path: Path, project: str, root: str, versions: Sequence[str], deps: Path | None = None
) -> Iterator[Step]:
    """The steps of one rule."""
    rule_text = path.read_bytes()
    rule = parse_rule(rule_text, path.name)
    found: list[Version] = []
    for version in versions:
        folder = projects.release(project, version) / root
        there = next((p for p in rule.paths() if (folder / p).is_file()), None)
        if there is not None:
            build = b'set(SRC\n  "%s")\n' % there.encode()
            text = (folder / there).read_bytes()
            compiles = deps and _compiler(project, version, root, there, deps)
            found.append(Version(version, there, text, build, compiles=compiles))
    while found:
        with tempfile.TemporaryDirectory() as folder_name:
            bench = Bench.make(Path(folder_name) / "repository", f"{path.parent.name}/{path.stem}", rule_text)
            try:
                yield from steps(bench, found, edited)
                return
            except MergeguardError:
                found = found[1:]  # the rule does not know a file that old


def _compiler(
    project: str, version: str, root: str, path: str, deps: Path
) -> Callable[[Program], Compiled] | None:
    """What compiles layouts of a file of a release; None for what the census has no command for."""
    release = projects.release(project, version)
    flags = command(project, release, path, deps)
    if flags is None:
        return None
    return partial(compile_both, release / root, command=[*flags, "-O0"])
