"""generate: the layouts of rules in build mode, written into a build folder from the files of the work tree.

No git is asked and nothing is written outside of the build folder, so it works in a source distribution and
on a read-only source tree. Everything is derived before anything is written; what did not change keeps its
time of change, so that a build tool rebuilds what it must and nothing else.
"""

from __future__ import annotations

import fcntl
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mergeguard.build import fresh
from mergeguard.errors import Location, MergeguardError, RuleError, SourceError
from mergeguard.lens import generated
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.values import dataclass, field

_LOCK = ".mergeguard-lock"
_MARKERS = (b"<<<<<<< ", b">>>>>>> ")


class GenerateError(MergeguardError):
    """The build folder can't be written, or may not be."""


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """How to generate: with ``#line`` or not; whole monoliths where a rule does not fit, or an error."""

    lines: bool = True
    fallback: bool = False
    mirror: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def as_note(self) -> dict[str, Any]:
        """As the build folder's note keeps them."""
        return {
            "lines": self.lines,
            "fallback": self.fallback,
            "mirror": list(self.mirror),
            "names": list(self.names),
        }


@dataclass(frozen=True, slots=True)
class Generated:
    """What stands in the build folder now.

    ``units`` maps each monolith (a path of the source tree) to its translation units, ``files`` are all
    files, both relative to the build folder; ``written`` and ``removed`` are what this run changed.
    ``warnings`` name the rules that did not fit, whose monoliths are compiled whole.
    """

    units: Mapping[str, tuple[str, ...]]
    files: tuple[str, ...]
    inputs: tuple[str, ...]
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Plan:
    """What will be written, and what it rests on."""

    files: dict[str, bytes] = field(default_factory=dict)
    units: dict[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    probed: dict[str, bool] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def generate(root: Path, out: Path, options: GenerateOptions) -> Generated:
    """Bring the build folder ``out`` up to date with the source tree at ``root``.

    Raises RuleError, RuleMismatch or SourceError where a rule can't be read or does not fit (unless
    ``fallback``), and GenerateError for a folder that can't or may not be written; the build folder is then
    as it was.
    """
    root, out = Path(os.path.realpath(root)), Path(os.path.realpath(out))
    _may_write(root, out)
    note = fresh.is_fresh(root, out, options.as_note())
    if note is not None:
        return _from_note(note)
    plan = _plan(root, out, options)
    try:
        with _locked(out):
            return _write(out, plan, options)
    except OSError as error:
        where = error.filename or str(out)
        raise GenerateError(
            f"the build folder can't be written: {where}: {error.strerror}",
            hint="give a folder that can be written: `mergeguard generate --out DIR`",
            changed="what was generated before is still there",
        ) from None


def _from_note(note: Mapping[str, Any]) -> Generated:
    units = {path: tuple(names) for path, names in note["units"].items()}
    return Generated(units, tuple(note["outputs"]), tuple(note["inputs"]), warnings=tuple(note["warnings"]))


def _may_write(root: Path, out: Path) -> None:
    """Refuse a folder that holds anything but what an earlier run wrote."""
    if root == out or root.is_relative_to(out):
        message = f"{out} holds the source tree itself"
    elif out.exists() and not out.is_dir():
        message = f"{out} is not a folder"
    elif out.is_dir() and fresh.read_note(out) is None and _holds_files(out):
        message = f"{out} holds files that mergeguard did not write"
    else:
        return
    raise GenerateError(
        message, hint="give a folder of its own: `mergeguard generate --out build/mergeguard`"
    )


def _holds_files(out: Path) -> bool:
    return any(
        not entry.name.startswith(".mergeguard-") and entry.name != fresh.NOTE for entry in os.scandir(out)
    )


# -- what will be written --------------------------------------------------------------------------------


def _plan(root: Path, out: Path, options: GenerateOptions) -> _Plan:
    plan = _Plan()
    known: list[str] = []
    for path in fresh.rule_files(root):
        name = posixpath.basename(path).removesuffix(".toml")
        known.append(name)
        plan.inputs[path] = fresh.stamp(root / path)
        if options.names and name not in options.names:
            continue
        rule = parse_rule((root / path).read_bytes(), path)
        if rule.mode == "build":
            _plan_rule(plan, root, out, options, name, rule)
        elif options.names:
            raise RuleError(
                f"rule {name} is in tree mode: its layout is in the source tree already",
                where=Location(path),
                hint=f"`mergeguard mode build {name}` changes over",
            )
    for name in options.names:
        if name not in known:
            raise RuleError(f"there is no rule `{name}` (there are: {', '.join(known) or 'none'})")
    for folder in options.mirror:
        _mirror(plan, root, out, folder)
    return plan


def _plan_rule(plan: _Plan, root: Path, out: Path, options: GenerateOptions, name: str, rule: Rule) -> None:
    path = next((p for p in rule.paths() if (root / p).is_file()), None)
    if path is None:
        paths = ", ".join(rule.paths())
        plan.warnings.append(f"rule {name}: the monolith is not here (looked for {paths})")
        plan.probed |= dict.fromkeys(rule.paths(), False)
        return
    text = (root / path).read_bytes()
    plan.inputs[path] = fresh.stamp(root / path)
    try:
        _refuse_markers(path, text)
        layout = split(rule, name, path, text, emission_of(rule))
    except MergeguardError as error:
        if not options.fallback:
            raise
        plan.warnings.append(f"rule {name} does not fit, {path} is compiled whole: {error}")
        _plan_whole(plan, root, out, rule, path)
        return
    for file, content in _texts(plan, root, out, options, layout).items():
        if plan.files.setdefault(file, content) != content:
            raise RuleError(f"two rules write {file}; the second is {name}", where=Location(path))
    plan.units[path] = tuple(file.path for file in layout.files if file.is_unit)


def _refuse_markers(path: str, text: bytes) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_MARKERS):
            raise SourceError(
                "a conflict marker stands here: the merge is not resolved",
                where=Location(path, number),
                hint="resolve the conflict, then build again",
            )


def _texts(plan: _Plan, root: Path, out: Path, options: GenerateOptions, layout: Layout) -> dict[str, bytes]:
    lines = generated.LineMap(layout.monolith)
    texts: dict[str, bytes] = {}
    for file in layout.files:
        here = out / posixpath.dirname(file.path)

        def place(path: str, here: Path = here) -> str | None:
            if any(path.startswith(f"{folder}/") for folder in options.mirror):
                return None  # it stands in the build folder as in the source tree
            there = plan.probed[path] = (root / path).is_file()
            return os.path.relpath(root / path, here).replace(os.sep, "/") if there else None

        if options.lines:
            file = generated.joined(file)
        text = generated.relocate(layout, file, place)
        if options.lines:
            names = str(root / layout.path), str(out / file.path)
            text = generated.with_lines(file, text, lines, *names)
        texts[file.path] = text
    return texts


def _plan_whole(plan: _Plan, root: Path, out: Path, rule: Rule, path: str) -> None:
    """The units that the build system may know already, with the whole monolith in the first."""
    folder = rule.folder(path)
    empty = b"// Not used: the rule does not fit this monolith, which is compiled whole.\n"
    shards = tuple(posixpath.join(folder, shard) for shard in rule.shard_files())
    whole = os.path.relpath(root / path, out / posixpath.dirname(path)).replace(os.sep, "/")
    plan.files |= {path: b'#include "%s"\n' % os.fsencode(whole), **dict.fromkeys(shards, empty)}
    plan.units[path] = (path, *shards)


def _mirror(plan: _Plan, root: Path, out: Path, folder: str) -> None:
    """The files of a source folder beside the layouts: for a step that rewrites whole trees, as hipify
    does."""
    for base, folders, names in os.walk(root / folder):
        folders[:] = sorted(f for f in folders if f != ".git" and Path(base, f) != out)
        for name in sorted(names):
            file = Path(base, name)
            path = file.relative_to(root).as_posix()
            if path not in plan.files and file.is_file():
                plan.files[path] = file.read_bytes()
                plan.inputs[path] = fresh.stamp(file)


# -- writing ---------------------------------------------------------------------------------------------


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One run at a time in a build folder; a second waits."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / _LOCK, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(out: Path, plan: _Plan, options: GenerateOptions) -> Generated:
    old = (fresh.read_note(out) or {"outputs": {}})["outputs"]
    stale = sorted(set(old) - set(plan.files))
    changed = [path for path, text in plan.files.items() if _bytes_at(out / path) != text]
    for path in (*changed, *stale):
        _refuse_link(out, path)
    if changed or stale:
        # A run that is ended half-way is known by a note that is true of no source tree.
        half = _note(plan, options, dict.fromkeys({*old, *plan.files}), whole=False)
        _replace_all({out / fresh.NOTE: half})
        _replace_all({out / path: plan.files[path] for path in changed})
    for path in stale:
        (out / path).unlink(missing_ok=True)
        _remove_empty(out, posixpath.dirname(path))
    outputs = {path: fresh.stamp(out / path) for path in plan.files}
    _replace_all({out / fresh.NOTE: _note(plan, options, outputs, whole=True)})
    return Generated(
        plan.units, tuple(plan.files), tuple(plan.inputs), tuple(changed), tuple(stale), tuple(plan.warnings)
    )


def _note(plan: _Plan, options: GenerateOptions, outputs: Mapping[str, Any], *, whole: bool) -> bytes:
    inputs = plan.inputs if whole else {}
    return fresh.note_bytes(options.as_note(), inputs, plan.probed, outputs, plan.units, plan.warnings)


def _bytes_at(path: Path) -> bytes | None:
    try:
        return None if path.is_symlink() else path.read_bytes()
    except OSError:
        return None


def _refuse_link(out: Path, path: str) -> None:
    folder = out / posixpath.dirname(path)
    if os.path.realpath(folder) != str(folder):
        raise GenerateError(
            f"{folder} leads out of the build folder", hint="remove the link, or the whole build folder"
        )


def _replace_all(texts: Mapping[Path, bytes]) -> None:
    """Replace the files: all are written before the first is in its place, so that a full disk leaves what
    was there."""
    passing: dict[Path, Path] = {}
    try:
        for target, text in texts.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            passing[target] = target.with_name(f".{target.name}.{os.getpid()}")
            passing[target].write_bytes(text)
        for target, written in passing.items():
            os.replace(written, target)
    except OSError:
        for written in passing.values():
            written.unlink(missing_ok=True)
        raise


def _remove_empty(out: Path, folder: str) -> None:
    while folder:
        try:
            (out / folder).rmdir()
        except OSError:
            return
        folder = posixpath.dirname(folder)


# -- for build systems -----------------------------------------------------------------------------------


def depfile(target: str, inputs: Iterable[str], root: Path) -> bytes:
    """A rule as Make and Ninja read it: ``target`` depends on the inputs, paths below ``root``."""

    def word(text: str) -> str:
        return text.replace("\\", "\\\\").replace(" ", "\\ ").replace("#", "\\#").replace("$", "$$")

    names = " ".join(word(str(root / path)) for path in inputs)
    return f"{word(target)}: {names}\n".encode("utf-8", "surrogateescape")


def cmake_list(generated_: Generated, root: Path, out: Path) -> bytes:
    """What the CMake module includes: the monoliths, each one's units, all files, and what they rest on."""

    def quoted(paths: Iterable[object]) -> str:
        return " ".join(f"[==[{path}]==]" for path in paths)

    lines = [f"set(mergeguard_monoliths {quoted(root / m for m in generated_.units)})"]
    for number, units in enumerate(generated_.units.values()):
        lines.append(f"set(mergeguard_units_{number} {quoted(out / u for u in units)})")
    lines += [
        f"set(mergeguard_files {quoted(out / f for f in generated_.files)})",
        f"set(mergeguard_inputs {quoted(root / i for i in generated_.inputs)})",
        f"set(mergeguard_warnings {quoted(generated_.warnings)})",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
