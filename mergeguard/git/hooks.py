"""Setting up a clone so that plain git commands keep split files right: hooks, merge driver, attributes.

Nothing that is there is overwritten. A hook of the same name runs first, ours after it; shared and committed
hook folders (``core.hooksPath``, husky) are used as their owners mean them to be. Where git runs hooks that
its configuration names (2.54), ours are such and no other folder is touched. Every hook stands aside when
mergeguard is gone, and for the git commands that mergeguard itself runs. ``uninstall`` puts everything back.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mergeguard.cpp.filenames import SOURCES
from mergeguard.git.attributes import block_lines, pattern, with_block
from mergeguard.git.atwork import ACTIVE_VARIABLE, DRIVER, FORESEEN, JOURNAL, LOCK, NOTE, PUT_OFF
from mergeguard.git.errors import RepositoryError
from mergeguard.git.process import git_version
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository
    from mergeguard.git.rollback import ChangedFiles

#: The hooks that ``install`` sets up. Each calls ``mergeguard hook NAME ARGUMENTS…``.
HOOKS = (
    "pre-merge-commit",
    "post-merge",
    "post-rewrite",
    "prepare-commit-msg",
    "post-commit",
    "post-index-change",
    "pre-push",
)
# Hooks run at the root of the work tree; in a linked one `.git` is a file.
_DIR = '{ dir=${GIT_DIR:-.git}; [ -d "$dir" ] || dir=$(git rev-parse --git-dir); }'
_CALM = f'{_DIR} && [ ! -e "$dir/rebase-merge" ] && [ ! -e "$dir/rebase-apply/rebasing" ]'
_NOTED = f'{_CALM} && [ -e "$dir/{NOTE}" ]'
_SOURCES_CHANGED = "! git diff --quiet HEAD^ HEAD -- " + " ".join(f"'*{ending}'" for ending in SOURCES)
_TYPED = f"[ -d .mergeguard/locks ] && {_SOURCES_CHANGED} 2>/dev/null"
_SPLIT_OR_NOTED = f'{_DIR} && {{ [ -d .mergeguard/locks ] || [ -e "$dir/{NOTE}" ]; }}'
_FREE = " && ".join(f'[ ! -e "$dir/mergeguard/{name}" ]' for name in (LOCK, JOURNAL))
# Of a `git merge`: an earlier process of it has noted what it is to be (`hooks.foreseen`), and no other
# command of ours is at work or was interrupted, which would have to stop the merge.
_FORESEEN = (
    f'{_FREE} && [ -e "$dir/{FORESEEN}" ] && '
    f'read -r ours theirs tree made lands <"$dir/{FORESEEN}" && '
    'case "$theirs" in ""|*[!0-9a-f]*) false;; *) eval "[ -n \\"\\${GITHEAD_$theirs-}\\" ]";; esac'
)
_LOOKED_THROUGH = f'{_FORESEEN} && [ "$ours" = "$(git rev-parse HEAD)" ]'
_AS_FORESEEN = (
    f'[ ! -e "$dir/{NOTE}" ] && {_FORESEEN} && '
    '[ "$ours $theirs $tree" = "$(echo $(git rev-parse HEAD^1 HEAD^2 \'HEAD^{tree}\'))" ]'
)
# git has committed what it was foreseen to commit, and only texts of files are to be otherwise, which nobody
# has edited: landed without us. Index and files come first, since a commit of them would be right, HEAD last;
# the note stays open until all is done. Where a step is refused, git's result is back and we are started.
_LANDED = f"""[ -e "$dir/{NOTE}" ] && [ "$1" = 0 ] && [ -z "${{GIT_INDEX_FILE-}}" ] &&
    {_FORESEEN} && [ -n "$lands" ] && (
    export {ACTIVE_VARIABLE}=1 GIT_NO_REPLACE_OBJECTS=1
    nl='
'
    head=$(git rev-list --max-count=1 HEAD --not --remotes --tags) &&
    text=$(git cat-file commit "$head" && echo .) && text=${{text%.}} &&
    case "$text" in
    *gpgsig*) false ;; # signed: another commit has to be signed anew
    "tree $made${{nl}}parent $ours${{nl}}parent $theirs${{nl}}author "*) ;;
    *) false ;;
    esac &&
    new=$(printf 'tree %s\\n%s' "$lands" "${{text#*"$nl"}}" | git hash-object -t commit -w --stdin) &&
    write() {{ git read-tree -u -m --no-recurse-submodules "$@"; }} &&
    write "$made" "$lands" &&
    {{
        git update-ref -m 'merge: split files (mergeguard)' HEAD "$new" "$head" ||
            {{ write "$lands" "$made"; false; }}
    }} &&
    rm -f "$dir/{NOTE}" "$dir/{FORESEEN}"
) 2>/dev/null"""
# Of a pick of a rebase: an earlier call of the driver has noted (`hooks.asked`) what the file is to be until
# all is replayed at the end.
_IS_PUT_OFF = (
    f'{{ dir=${{GIT_DIR:-.git}}; noted="$dir/{PUT_OFF}"; steps="$dir/rebase-merge/done"; '
    f'[ -e "$noted" ] && [ -e "$dir/{NOTE}" ] && [ -e "$steps" ]; }} && '
    '{ read -r head <"$dir/HEAD" && while IFS= read -r step; do last=$step; done <"$steps"; } && '
    "{ IFS= read -r at; IFS= read -r after; put_off=; "
    '[ "$at $after" = "$head $last" ] && while IFS= read -r path && IFS= read -r from; do '
    'if [ "$path" = %P ]; then put_off=${from:+$dir/$from}; put_off=${put_off:-%B}; '
    'elif [ -z "$path" ] && cmp -s %B "$dir/$from" 2>/dev/null; then put_off=%B; fi; done; '
    '[ -n "$put_off" ] && [ -e "$put_off" ]; } <"$noted"'
)
#: These run on ordinary work, too: they call mergeguard only where the merge driver left a note for them (not
#: for each pick of a rebase, which is completed at its end), where a commit has changed sources of a fork
#: with layouts, where a fork with layouts is merged or rebased, or (the index) where git has just stopped for
#: conflicts.
GUARDED = {
    "pre-merge-commit": f"{_SPLIT_OR_NOTED} && ! {{ {_LOOKED_THROUGH}; }}",
    "post-merge": f"{_SPLIT_OR_NOTED} && ! {{ {_AS_FORESEEN}; }} && ! {{ {_LANDED}; }}",
    "post-rewrite": f'[ "$1" = rebase ] && {{ {_SPLIT_OR_NOTED}; }}',
    # Of a merge that has not stopped, its own hooks see to the commit.
    "prepare-commit-msg": _NOTED
    + ' && { [ "${2-}" != merge ] || case $(export -p) in *" GITHEAD_"*) false ;; esac; }',
    "post-commit": f'{_CALM} && {{ [ -e "$dir/{NOTE}" ] || {{ {_TYPED}; }}; }}',
    "post-index-change": '[ "$1" = 1 ] && [ -n "$(git ls-files -u)" ]',
    "pre-push": f'{_DIR} && [ -e "$dir/{NOTE}" ]',
}
#: Ours may refuse what git is about to do.
REFUSING = ("pre-merge-commit", "prepare-commit-msg", "pre-push")
#: These get what git says on their standard input.
WITH_INPUT = ("post-rewrite", "pre-push")

#: The first git that runs hooks from its configuration, beside those in a folder.
CONFIGURED_SINCE = (2, 54)

#: Of every file that the merge driver can do more for than lines can.
SOURCE_PATTERNS = tuple(f"*{ending}" for ending in SOURCES)
MARK = "# mergeguard hook"
CHAINED = ".mergeguard-chained"
_BLOCK = re.compile(r"^# mergeguard hook: begin.*?^# mergeguard hook: end\n", re.MULTILINE | re.DOTALL)


class Folder(StrEnum):
    """Whose the folder of hooks is."""

    OWN = "own"  # .git/hooks, or another folder of this clone alone
    COMMITTED = "committed"  # inside the work tree: husky, or a core.hooksPath that the team shares
    SHARED = "shared"  # set for all of the user's repositories


@dataclass(frozen=True, slots=True)
class HooksFolder:
    """Where git looks for hooks (``path``), what kind of place it is, and the option of ``git config`` for
    settings that override it.
    """

    path: Path
    kind: Folder
    scope: str = "--local"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done. ``note`` says what the user has to know or do about it, if anything."""

    what: Literal["added", "updated", "chained", "kept", "removed", "restored", "skipped"]
    where: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is set up in a clone: names of hooks that call us and that don't, and paths with our driver."""

    hooks: tuple[str, ...]
    missing: tuple[str, ...]
    driver: bool
    attributes: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.missing and self.driver


def default_launcher() -> tuple[str, ...]:
    """The command that runs this mergeguard, whatever PATH a hook gets.

    Hooks run in the work tree: ``-P`` keeps Python from importing what lies there.
    """
    return (sys.executable, "-P", "-m", "mergeguard")


def hooks_folder(repository: Repository) -> HooksFolder:
    """The folder of hooks that git uses here (ours for a shared one is not it)."""
    scoped = repository.git("config", "--show-scope", "--type=path", "--get-all", "core.hooksPath", ok=(0, 1))
    settings = [line.partition("\t") for line in scoped.text.splitlines()]
    own = _own_folder(repository)
    settings = [found for found in settings if Path(found[2]) != own and found[0] != "command"]
    if not settings:
        return HooksFolder(repository.common_dir / "hooks", Folder.OWN)
    scope, _, value = settings[-1]
    # A relative one counts from where hooks run, the root of the work tree.
    path = Path(os.path.normpath(repository.work_tree / value))
    if scope not in ("local", "worktree"):
        return HooksFolder(path, Folder.SHARED)
    if path.is_relative_to(repository.git_dir) or path.is_relative_to(repository.common_dir):
        return HooksFolder(path, Folder.OWN)
    if path.is_relative_to(repository.work_tree):
        # husky 9 has git run its generated `_/<hook>`, which run the committed file beside that folder.
        return HooksFolder(path.parent if path.name == "_" else path, Folder.COMMITTED)
    return HooksFolder(path, Folder.SHARED, f"--{scope}")


def _own_folder(repository: Repository) -> Path:
    """Our folder in front of a shared one."""
    return repository.common_dir / "mergeguard" / "hooks"


# --- installing ----------------------------------------------------------------------------------------


def install(
    repository: Repository,
    paths: Iterable[str],
    *,
    launcher: Sequence[str] | None = None,
    committed_attributes: bool = False,
    names: Iterable[str] = (),
    sources: bool | None = None,
) -> tuple[Action, ...]:
    """Set up hooks, and the merge driver for ``paths``. May be called again (paths may have changed).

    ``sources`` asks for the driver for every C, C++, CUDA and HIP file as well; None: as it was.

    The attributes go to ``.git/info/attributes``, which also counts while git has another branch checked out
    (a rebase does); with ``committed_attributes`` to ``.gitattributes`` as well, for colleagues. ``names``
    are file names that count in any folder: upstream may move a file, and git then asks about the new place.
    """
    from mergeguard.git.rollback import changing

    command = tuple(launcher or default_launcher())
    actions: list[Action] = []
    folder = hooks_folder(repository)
    if sources is None:
        sources = set(SOURCE_PATTERNS) <= set(inspect(repository).attributes)
    every = [found.encode() for found in SOURCE_PATTERNS] if sources else []
    patterns = [*every, *(pattern(path, rooted=False) for path in names), *map(pattern, paths)]
    lines = [found + b" merge=" + DRIVER.encode() for found in dict.fromkeys(patterns)]
    with changing(repository, "mergeguard install") as files:
        if folder.kind is Folder.COMMITTED:
            actions += [_add_block(repository, files, folder.path / name, name) for name in HOOKS]
        elif git_version() >= CONFIGURED_SINCE:
            actions += _take_back_scripts(repository, files)
            actions += [_configure_hook(repository, files, name, command) for name in HOOKS]
        elif folder.kind is Folder.SHARED:
            actions += _front(repository, files, folder.path, folder.scope, command)
        else:
            actions += [_add_hook(files, folder.path / name, name, command) for name in HOOKS]
        actions += _configure(repository, files, command)
        actions += _write_attributes(repository, files, _local_attributes(repository), lines)
        if committed_attributes:
            actions += _write_attributes(repository, files, repository.work_tree / ".gitattributes", lines)
    return tuple(actions)


def hook_script(name: str, launcher: Sequence[str], before: str) -> str:
    """Our hook: what was there before (``before`` is shell text for its path), then ``mergeguard hook``.

    The exit status is that of the former hook if it fails; ours counts only for hooks that may refuse.
    """
    program = shlex.quote(launcher[0])
    call = f"{shlex.join(launcher)} hook {name}"
    note = f"{{ {GUARDED[name]}; }} || exit 0\n" if name in GUARDED else ""
    read = "input=$(cat; echo .)\ninput=${input%.}\n" if name in WITH_INPUT else "input=\n"
    ending = "exit $?" if name in REFUSING else "exit 0"
    return f"""#!/bin/sh
{MARK} ({name}): runs the hook that was here before, then mergeguard.
# `mergeguard uninstall` removes it.
{read}before={before}
# pre-commit moves hooks aside and runs them itself; its own script must not run inside of that.
if [ -n "${{PRE_COMMIT_RUNNING_LEGACY-}}" ] && grep -q 'generated by pre-commit' "$before" 2>/dev/null; then
    before=
fi
if [ -n "$before" ] && [ -x "$before" ]; then
    printf %s "$input" | "$before" "$@"
    status=$?
    [ $status -eq 0 ] || exit $status
fi
[ -z "${{{ACTIVE_VARIABLE}-}}" ] || exit 0
{note}if [ -x {program} ]; then
    printf %s "$input" | {call} "$@"
elif command -v mergeguard >/dev/null 2>&1; then
    printf %s "$input" | mergeguard hook {name} "$@"
else
    echo 'mergeguard is not installed any more: split files were not looked at ({name})' >&2
    exit 0
fi
{ending}
"""


def hook_block(name: str, *, created: bool) -> str:
    """Lines for a hook that a team has committed: they do nothing for those without mergeguard."""
    guard = f" && {GUARDED[name]}" if name in GUARDED else ""
    ending = "exit $?" if name in REFUSING else ":"
    made = " (the file, too)" if created else ""
    return f"""# mergeguard hook: begin{made}; `mergeguard uninstall` removes these lines
if [ -z "${{{ACTIVE_VARIABLE}-}}" ] && command -v mergeguard >/dev/null 2>&1{guard}; then
    mergeguard hook {name} "$@" </dev/null || {ending}
fi
# mergeguard hook: end
"""


def _write_script(files: ChangedFiles, path: Path, text: str, mode: int | None = None) -> None:
    permissions = 0o777 & ~_umask() if mode is None else mode
    files.write(path, text.encode("utf-8", "surrogateescape"), permissions)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _permissions(path: Path) -> int | None:
    return path.stat().st_mode & 0o7777 if path.exists() else None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _is_ours(path: Path) -> bool:
    return MARK in _text(path)[:200]


def _add_hook(files: ChangedFiles, path: Path, name: str, launcher: Sequence[str]) -> Action:
    chained = path.with_name(path.name + CHAINED)
    script = hook_script(name, launcher, f'"${{0%/*}}/{chained.name}"')
    legacy = path.with_name(path.name + ".legacy")
    if not _is_ours(path) and _is_ours(legacy):
        # Since our installation, pre-commit has taken the place and calls us from there.
        _write_script(files, legacy, script)
        return Action("updated", str(legacy), "called by the hook of pre-commit")
    note = ""
    what: Literal["added", "updated", "chained"] = "added"
    if _is_ours(path):
        what = "updated"
    elif os.path.lexists(path):
        if os.path.lexists(chained):
            # Somebody replaced our hook after an installation: keep also what was there before that.
            older = _free(chained)
            files.copy(chained, older)
            note = f"an older hook was kept as {older.name}, not run"
        # A copy: at no moment is the hook that was there not run.
        files.copy(path, chained)
        what = "chained"
        note = note or f"the hook that was there runs first ({chained.name})"
    _write_script(files, path, script)
    return Action(what, str(path), note)


def _free(path: Path) -> Path:
    number = 1
    while os.path.lexists(found := path.with_name(f"{path.name}-{number}")):
        number += 1
    return found


def _add_block(repository: Repository, files: ChangedFiles, path: Path, name: str) -> Action:
    where = path.relative_to(repository.work_tree).as_posix()
    text = _text(path)
    created = not text or "begin (the file, too)" in text
    first = text.partition("\n")[0]
    if first.startswith("#!") and not re.search(r"\b(ba|da|z|k)?sh\b", first):
        line = f'mergeguard hook {name} "$@"'
        return Action("skipped", where, f"not a shell script: have it run `{line}`")
    rest = _BLOCK.sub("", text) or "#!/bin/sh\n"
    if not rest.endswith("\n"):
        rest += "\n"
    lines = rest.splitlines(keepends=True)
    # After what starts husky up to version 8 (it runs the file a second time), else right at the beginning:
    # what follows may end with exec.
    after = [number for number, line in enumerate(lines, 1) if "husky.sh" in line]
    position = after[-1] if after else int(lines[0].startswith("#!"))
    new = "".join([*lines[:position], hook_block(name, created=created), *lines[position:]])
    if new == text:
        return Action("kept", where)
    _write_script(files, path, new, _permissions(path))
    return Action("updated" if text else "added", where, "commit this file, so that colleagues get it")


def _front(
    repository: Repository, files: ChangedFiles, shared: Path, scope: str, launcher: Sequence[str]
) -> list[Action]:
    """A folder of our own before a shared one: its hooks go on to run, those of other repositories are
    not touched.
    """
    own = _own_folder(repository)
    names = set(HOOKS)
    if shared.is_dir():
        names |= {
            path.name
            for path in shared.iterdir()
            if not path.name.endswith(".sample") and os.access(path, os.X_OK)
        }
    actions = []
    for name in sorted(names):
        before = shlex.quote(str(shared / name))
        if name in HOOKS:
            _write_script(files, own / name, hook_script(name, launcher, before))
            actions.append(Action("added", str(own / name), f"runs the hook of {shared} first"))
        else:
            text = (
                f'#!/bin/sh\n{MARK} ({name}): passes on to the hook of core.hooksPath.\nexec {before} "$@"\n'
            )
            _write_script(files, own / name, text)
    if repository.config("core.hooksPath") != str(own):
        # Added, not set: the last value counts, and the one that was there comes back by itself.
        files.config(scope, "--add", "core.hooksPath", str(own))
    note = f"in front of {shared}, which other repositories use, too; install again after adding hooks there"
    return [*actions, Action("added", "core.hooksPath", note)]


_SCRIPTS = "mergeguard/configured-hooks"


def _hook_script(repository: Repository, name: str) -> Path:
    """Where the script of a configured hook is."""
    return repository.common_dir / _SCRIPTS / name


def _hook_command(name: str) -> str:
    """What the configuration names: git appends the hook's arguments. A clone may be moved, or copied."""
    return f'f="$(git rev-parse --git-common-dir)/{_SCRIPTS}/{name}"; [ ! -x "$f" ] || "$f"'


def _hook_section(name: str) -> str:
    return f"hook.{DRIVER}-{name}"


def _configure_hook(
    repository: Repository, files: ChangedFiles, name: str, launcher: Sequence[str]
) -> Action:
    """One of our hooks in the clone's configuration; git runs it before the one in the folder of hooks."""
    script, section = _hook_script(repository, name), _hook_section(name)
    _write_script(files, script, hook_script(name, launcher, "''"))
    what: Literal["added", "kept"] = "kept"
    for key, value in (("event", name), ("command", _hook_command(name))):
        if repository.config(f"{section}.{key}") != value:
            files.config("--local", "--replace-all", f"{section}.{key}", value)
            what = "added"
    return Action(what, section)


def driver_command(launcher: Sequence[str]) -> str:
    """The merge driver as git runs it: ours, or git's own merge where mergeguard is gone, and in the merges
    that mergeguard itself has git do.
    """
    # A percent sign is git's; in our own path it has to be doubled.
    program = shlex.quote(launcher[0]).replace("%", "%%")
    call = shlex.join(launcher).replace("%", "%%")
    arguments = "merge-driver %O %A %B %L %P"
    files = "-L ours -L base -L theirs --marker-size=%L %A %O %B"
    # git merges with histogram; its merge-file can be told so from 2.44 on, before it fails with 129.
    fallback = (
        f"git merge-file --diff-algorithm=histogram {files} 2>/dev/null || "
        f"{{ [ $? -ge 128 ] && git merge-file {files}; }}"
    )
    return (
        f'if [ -n "${{{ACTIVE_VARIABLE}-}}" ]; then {fallback}; '
        f'elif {_IS_PUT_OFF}; then cat "$put_off" >%A; '
        f"elif [ -x {program} ]; then {call} {arguments}; "
        f"elif command -v mergeguard >/dev/null 2>&1; then mergeguard {arguments}; else {fallback}; fi"
    )


def tool_command(launcher: Sequence[str]) -> str:
    """What ``git mergetool --tool=mergeguard`` runs; where mergeguard is gone, it fails and git says so.

    git puts its ``$BACKUP`` back where a tool has left markers: the smaller conflict goes there, too.
    """
    program, call = shlex.quote(launcher[0]), shlex.join(launcher)
    solve = f'if [ -x {program} ]; then {call} solve "$MERGED"; else mergeguard solve "$MERGED"; fi'
    keep = '{ status=$?; [ ! -f "${BACKUP-}" ] || cat "$MERGED" >"$BACKUP"; (exit $status); }'
    return f"{{ {solve}; }} || {keep}"


def _configure(repository: Repository, files: ChangedFiles, launcher: Sequence[str]) -> list[Action]:
    sections = {
        f"merge.{DRIVER}.driver": {
            f"merge.{DRIVER}.name": "mergeguard: files kept split",
            f"merge.{DRIVER}.driver": driver_command(launcher),
        },
        f"mergetool.{DRIVER}.cmd": {
            f"mergetool.{DRIVER}.cmd": tool_command(launcher),
            f"mergetool.{DRIVER}.trustExitCode": "true",
        },
    }
    actions: list[Action] = []
    for shown, wanted in sections.items():
        changed = [key for key, value in wanted.items() if repository.config(key) != value]
        for key in changed:
            files.config("--local", "--replace-all", key, wanted[key])
        actions.append(Action("added" if changed else "kept", shown))
    return actions


def _local_attributes(repository: Repository) -> Path:
    return repository.common_dir / "info" / "attributes"


def _write_attributes(
    repository: Repository, files: ChangedFiles, path: Path, lines: Sequence[bytes]
) -> list[Action]:
    if path.is_symlink():
        raise RepositoryError(f"{path} is a symbolic link, which git does not follow", hint="make it a file")
    old = path.read_bytes() if path.exists() else b""
    new = with_block(old, lines)
    where = str(path.relative_to(repository.work_tree) if path.name == ".gitattributes" else path)
    if new == old:
        return [Action("kept", where)]
    if new:
        mode = _permissions(path)
        files.write(path, new, 0o666 & ~_umask() if mode is None else mode)
    else:
        files.remove(path)
    if not lines:
        return [Action("removed", where)]
    note = "commit this file, so that colleagues get it" if path.name == ".gitattributes" else ""
    return [Action("updated" if old else "added", where, note)]


# --- taking it back ------------------------------------------------------------------------------------


def uninstall(repository: Repository) -> tuple[Action, ...]:
    """Take back what ``install`` did; hooks that were there before are in their places again."""
    from mergeguard.git.rollback import changing

    actions: list[Action] = []
    with changing(repository, "mergeguard uninstall") as files:
        for path in (_local_attributes(repository), repository.work_tree / ".gitattributes"):
            if path.exists() and not path.is_symlink() and block_lines(path.read_bytes()):
                actions += _write_attributes(repository, files, path, ())
        for section, key in (("merge", "driver"), ("mergetool", "cmd")):
            if repository.config(f"{section}.{DRIVER}.{key}") is not None:
                files.config("--local", "--remove-section", f"{section}.{DRIVER}")
                actions.append(Action("removed", f"{section}.{DRIVER}.{key}"))
        for name in HOOKS:
            if repository.config(f"{_hook_section(name)}.command") is not None:
                files.config("--local", "--remove-section", _hook_section(name))
                files.remove(_hook_script(repository, name))
                actions.append(Action("removed", _hook_section(name)))
        actions += _take_back_scripts(repository, files)
    return tuple(actions)


def _take_back_scripts(repository: Repository, files: ChangedFiles) -> list[Action]:
    """Take back what stands in folders of hooks."""
    actions: list[Action] = []
    own = _own_folder(repository)
    if own.exists():
        for scope in ("--local", "--worktree"):
            files.config(scope, "--fixed-value", "--unset-all", "core.hooksPath", str(own))
        for path in sorted(own.iterdir()):
            files.remove(path)
        actions.append(Action("removed", str(own)))
    folder = hooks_folder(repository)
    for name in HOOKS:
        if folder.kind is Folder.COMMITTED:
            actions += _remove_block(repository, files, folder.path / name)
        if folder.kind is not Folder.SHARED:
            actions += _remove_hook(files, folder.path / name)
    return actions


def _remove_hook(files: ChangedFiles, path: Path) -> list[Action]:
    chained = path.with_name(path.name + CHAINED)
    if _is_ours(path):
        if os.path.lexists(chained):
            files.move(chained, path)
            return [Action("restored", str(path))]
        files.remove(path)
        return [Action("removed", str(path))]
    legacy = path.with_name(path.name + ".legacy")
    if not _is_ours(legacy):
        return []
    # pre-commit stands before us: what it calls is what we called, unless that was pre-commit itself.
    if os.path.lexists(chained) and "generated by pre-commit" not in _text(chained):
        files.move(chained, legacy)
        return [Action("restored", str(legacy))]
    files.remove(legacy)
    files.remove(chained)
    return [Action("removed", str(legacy))]


def _remove_block(repository: Repository, files: ChangedFiles, path: Path) -> list[Action]:
    text = _text(path)
    match = _BLOCK.search(text)
    if match is None:
        return []
    where = path.relative_to(repository.work_tree).as_posix()
    rest = _BLOCK.sub("", text)
    if "begin (the file, too)" in match[0] and rest == "#!/bin/sh\n":
        files.remove(path)
        return [Action("removed", where, "commit this")]
    _write_script(files, path, rest, _permissions(path))
    return [Action("restored", where, "commit this")]


def _is_configured(repository: Repository, name: str) -> bool:
    """Whether this git runs our hook from the configuration."""
    if git_version() < CONFIGURED_SINCE or not _hook_script(repository, name).exists():
        return False
    return repository.config(f"{_hook_section(name)}.event") == name


def inspect(repository: Repository) -> Installation:
    """What is set up here now."""
    folder = hooks_folder(repository)
    own = _own_folder(repository)
    present = []
    for name in HOOKS:
        if _is_configured(repository, name):
            found = True
        elif folder.kind is Folder.COMMITTED:
            found = _BLOCK.search(_text(folder.path / name)) is not None
        elif folder.kind is Folder.SHARED:
            found = repository.config("core.hooksPath") == str(own) and _is_ours(own / name)
        else:
            path = folder.path / name
            found = _is_ours(path) or (os.path.lexists(path) and _is_ours(path.with_name(f"{name}.legacy")))
        if found:
            present.append(name)
    lines: list[str] = []
    for file in (_local_attributes(repository), repository.work_tree / ".gitattributes"):
        if file.exists():
            lines += [line.decode("utf-8", "surrogateescape") for line in block_lines(file.read_bytes())]
    return Installation(
        hooks=tuple(present),
        missing=tuple(name for name in HOOKS if name not in present),
        driver=repository.config(f"merge.{DRIVER}.driver") is not None,
        attributes=tuple(dict.fromkeys(line.rpartition(" ")[0] for line in lines)),
    )
