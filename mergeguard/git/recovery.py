"""Undoing or finishing a landing, from its journal alone. Every step can be repeated."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mergeguard.git import rollback, worktree
from mergeguard.git.atwork import LOCK
from mergeguard.git.durable import remove, sync_folder, write_atomic
from mergeguard.git.errors import RepositoryError, RepositoryLocked, UnfinishedLanding
from mergeguard.git.exclusive import locked
from mergeguard.git.journal import Journal, PathChange, RefChange, journal_path, read_journal
from mergeguard.git.objects import MODE_EXECUTABLE, MODE_SUBMODULE, MODE_SYMLINK, Entry
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

TOKEN = "mergeguard landing "
#: What git takes for the old name of a reference that must not exist.
_NOTHING = ""
_LOCKABLE = ("index", "HEAD", "packed-refs", "config", "config.worktree", "shallow", "ORIG_HEAD")
SCRATCH_LIFETIME = 2 * 24 * 3600  # seconds
#: Landing's git commands do without the file system monitor: its daemon would inherit our lock.
PLAIN = ("-c", "core.fsmonitor=false")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of an interrupted landing: the repository is as ``before`` or as ``after`` it.

    ``saved`` names copies of files that had been edited since and were put back (of an installation: the
    files that others have changed since, which stay).
    """

    outcome: Literal["before", "after"]
    purpose: str
    saved: tuple[Path, ...] = ()

    def __str__(self) -> str:
        if self.outcome == "after":
            return f"an interrupted {self.purpose} was finished: the repository is as after it"
        again = "; run it again" if self.purpose.startswith("mergeguard ") else ""
        return f"an interrupted {self.purpose} was undone: the repository is as before it{again}"


def pending(repository: Repository) -> bool:
    """Whether a landing was interrupted (cheap; takes no lock)."""
    return journal_path(repository).exists()


def recover(repository: Repository) -> Recovery | None:
    """Bring the repository to before or after an interrupted landing; None where there was none.

    ``RepositoryLocked`` while that landing (or the git it started) still runs; ``UnfinishedLanding`` where
    refs or index were changed by others meanwhile, so that neither is right.
    """
    rolled = rollback.recover(repository)
    if rolled is not None and not pending(repository):
        return Recovery("before", *rolled)
    leftovers = repository.private_dir / LOCK
    if not pending(repository) and not leftovers.exists():
        return None
    with locked(repository, "recover"):
        journal = read_journal(repository)
        if journal is None:
            sweep(repository)
            return None
        if journal.phase == "writing":
            _require_untouched(repository, journal)
            return Recovery("before", journal.purpose, undo(repository, journal))
        if not can_finish(repository, journal):
            _require_untouched(repository, journal)
            return Recovery("before", journal.purpose, undo(repository, journal))
        finish(repository, journal)
        return Recovery("after", journal.purpose)


def forget(repository: Repository) -> None:
    """Drop the journal of a landing that can be neither undone nor finished; files stay as they are."""
    rollback.forget(repository)
    with locked(repository, "recover"):
        with contextlib.suppress(UnfinishedLanding):  # one that can't be read: its lock goes with the sweep
            journal = read_journal(repository)
            if journal is not None:
                release_index(repository, journal.token)
        remove(journal_path(repository))
        sweep(repository)


def _require_untouched(repository: Repository, journal: Journal) -> None:
    head = repository.head()
    digest = worktree.index_digest(repository)
    if (head.oid, head.branch) == (journal.head, journal.branch) and digest == journal.old_index:
        return
    what = "the index" if head.oid == journal.head and head.branch == journal.branch else "HEAD"
    paths = ", ".join(change.path for change in journal.paths[:5])
    more = f" and {len(journal.paths) - 5} more" if len(journal.paths) > 5 else ""
    raise UnfinishedLanding(
        f"{journal.purpose} was interrupted, and {what} has been changed since: it can't be undone safely",
        hint=f"look at these files with `git diff`, then `mergeguard recover --forget`: {paths}{more}",
    )


def locks_of_git(repository: Repository) -> tuple[Path, ...]:
    """Lock files of git's own that stand now: of the index, HEAD, refs and configuration."""
    own, common = repository.git_dir, repository.common_dir
    found = [folder / f"{name}.lock" for folder in (own, common) for name in _LOCKABLE]
    found += [path for folder in {own, common} for path in (folder / "refs").rglob("*.lock")]
    mine = _lock_token(index_lock(repository)) or ""
    return tuple(
        path
        for path in dict.fromkeys([index_lock(repository), *found])
        if path.is_file() and not (path == index_lock(repository) and mine.startswith(TOKEN))
    )


# --- the index's lock ----------------------------------------------------------------------------------


def index_lock(repository: Repository) -> Path:
    return repository.index_file.with_name(repository.index_file.name + ".lock")


def new_token() -> str:
    """What our index lock holds: tells it from git's, and one landing from the next."""
    return f"{TOKEN}{os.urandom(8).hex()}"


def hold_index(repository: Repository, token: str) -> None:
    """Take git's own lock on the index, so that no git command sees or commits a half landing.

    Linked into place with its content: there is no moment in which it could be taken for git's.
    """
    path = index_lock(repository)
    if _lock_token(path) == token:
        return
    repository.private_dir.mkdir(exist_ok=True)
    ready = repository.private_dir / "new-index-lock"
    try:
        ready.write_text(token, encoding="utf-8")
        os.link(ready, path)
    except FileExistsError as error:
        raise RepositoryLocked(
            f"another git process works on the index: {path} exists",
            hint="wait for it to end; if there is none, remove that file",
        ) from error
    finally:
        ready.unlink(missing_ok=True)


def _lock_token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def release_index(repository: Repository, token: str) -> None:
    """Give the index back to git."""
    path = index_lock(repository)
    if _lock_token(path) == token:
        remove(path)


# --- finishing -----------------------------------------------------------------------------------------


def new_index_path(repository: Repository) -> Path:
    return repository.private_dir / "index"


def ref_moved(repository: Repository, ref: RefChange) -> bool:
    """Whether the ref update of the landing has happened."""
    if ref.attach is not None:
        return repository.reference(ref.attach) == ref.new
    head = repository.head()
    return head.oid == ref.new and (head.detached if ref.detach else head.branch == ref.branch)


def committed(repository: Repository, journal: Journal) -> bool:
    """Whether a step that makes the landing the repository's state has been taken: it is then finished,
    never undone.
    """
    if journal.phase == "writing":
        return False
    ref = journal.ref
    stays = ref is not None and ref.new == (ref.attach_old if ref.attach is not None else ref.old)
    if ref is not None and not (stays and not ref.detach) and ref_moved(repository, ref):
        return True
    digest = worktree.index_digest(repository)
    return digest == journal.new_index != journal.old_index


def can_finish(repository: Repository, journal: Journal) -> bool:
    """Whether the remaining steps of a ``ready`` landing still apply."""
    digest = worktree.index_digest(repository)
    swapped = digest == journal.new_index
    if not swapped and (digest != journal.old_index or not new_index_path(repository).exists()):
        return False
    ref = journal.ref
    if ref is None:
        head = repository.head()
        return (head.oid, head.branch) == (journal.head, journal.branch)
    if ref_moved(repository, ref):
        return True
    if ref.attach is not None:
        return repository.reference(ref.attach) == ref.attach_old
    head = repository.head()
    return (head.oid, head.branch) == (ref.old, ref.branch)


def finish(repository: Repository, journal: Journal) -> None:
    """The steps of a ``ready`` landing, those already done skipped."""
    hold_index(repository, journal.token)
    for change in journal.state:
        _set_state(repository, change.name, change.new)
    if journal.orig_head is not None and repository.reference("ORIG_HEAD") != journal.orig_head:
        repository.git("update-ref", "ORIG_HEAD", journal.orig_head)
    if journal.ref is not None:
        _move(repository, journal.ref)
    for name, new, old in journal.names:
        if repository.reference(name) != new:
            repository.git("update-ref", "-m", journal.purpose, name, new, old or _NOTHING)
    new_index = new_index_path(repository)
    if new_index.exists():
        # A rename, not a copy: the index must not be younger than git thinks the files are.
        os.replace(new_index, repository.index_file)
        sync_folder(repository.index_file.parent)
    if journal.ref is not None and journal.ref.attach is not None:
        head = repository.head()
        if head.branch != journal.ref.attach:
            repository.git("symbolic-ref", "-m", journal.ref.message, "HEAD", journal.ref.attach)
    if journal.notes:
        # Copying a note a second time changes nothing; one that can't be copied stays with the old commit.
        pairs = "".join(f"{old} {new}\n" for old, new in journal.notes)
        repository.git(
            "notes", "copy", "--for-rewrite=rebase", "--stdin", stdin=pairs.encode(), ok=range(256)
        )
    release_index(repository, journal.token)
    remove(journal_path(repository))
    sweep(repository)


def _move(repository: Repository, ref: RefChange) -> None:
    if ref_moved(repository, ref):
        return
    message = ("-m", ref.message)
    if ref.attach is not None:
        repository.git("update-ref", *message, ref.attach, ref.new, ref.attach_old or _NOTHING)
    elif ref.detach:
        repository.git("update-ref", "--no-deref", *message, "HEAD", ref.new, ref.old or _NOTHING)
    else:
        repository.git("update-ref", *message, "HEAD", ref.new, ref.old or _NOTHING)


def _set_state(repository: Repository, name: str, data: bytes | None) -> None:
    path = repository.git_dir / name
    if data is None:
        remove(path)
    elif not path.exists() or path.read_bytes() != data:
        write_atomic(path, data, repository.private_dir)


# --- undoing -------------------------------------------------------------------------------------------


def undo(repository: Repository, journal: Journal) -> tuple[Path, ...]:
    """Put work tree and state files back; index and refs must still be as before the landing.

    Returns the copies of files that somebody had edited since. A new file that was edited stays.
    """
    hold_index(repository, journal.token)
    standing = [c for c in journal.paths if c.on_disk and (c.old is not None or c.raw is not None)]
    coming = [change for change in journal.paths if change not in standing]
    for change in coming:
        _take_away(repository, change)
    for folder in sorted(journal.new_folders, key=len, reverse=True):
        with contextlib.suppress(OSError):
            (repository.work_tree / folder).rmdir()
    saved = []
    keep = repository.private_dir / "saved" / journal.token.split()[-1][:8]
    for change in standing:
        if worktree.compare(repository, change) == "foreign":
            saved.append(worktree.save(repository, change.path, keep))
    # checkout-index reads attributes from the work tree: those files come first.
    plain = [c for c in standing if c.old and c.raw is None and c.old.mode != MODE_SUBMODULE]
    names = [change.path for change in plain]
    attributes = [name for name in names if name.rpartition("/")[2] == ".gitattributes"]
    for group in (attributes, [name for name in names if name not in set(attributes)]):
        if group:
            repository.git(
                *PLAIN,
                "checkout-index",
                "--force",
                "--quiet",
                "-z",
                "--stdin",
                stdin=worktree.nul_joined(group),
            )
    for change in standing:
        if change.raw is not None:
            _put_back(repository, change.path, change.raw)
        if change.old is not None and change.old.mode == MODE_SUBMODULE:
            (repository.work_tree / change.path).mkdir(parents=True, exist_ok=True)
    for state in journal.state:
        _set_state(repository, state.name, state.old)
    _restore_orig_head(repository, journal)
    release_index(repository, journal.token)
    remove(journal_path(repository))
    sweep(repository)
    # Restored files have new time stamps; without this the next `git status` reads them all again.
    repository.git(*PLAIN, "update-index", "-q", "--refresh", ok=range(256))
    return tuple(saved)


def _take_away(repository: Repository, change: PathChange) -> None:
    target = repository.work_tree / change.path
    found = worktree.compare(repository, change)
    if found in ("new", "old", "torn"):
        target.unlink()
    elif found == "missing":
        with contextlib.suppress(OSError):
            target.rmdir()  # the empty folder of a submodule


def _put_back(repository: Repository, path: str, raw: Entry) -> None:
    """Put the very bytes of a file back that no index or commit has."""
    target = repository.work_tree / path
    data = repository.read_blob(raw.oid)
    if worktree.read_file(target) == (raw.mode, data):
        return
    if raw.mode != MODE_SYMLINK:
        mode = 0o777 if raw.mode == MODE_EXECUTABLE else 0o666
        write_atomic(target, data, repository.private_dir, mode=mode & ~_umask())
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.symlink(os.fsdecode(data), target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _restore_orig_head(repository: Repository, journal: Journal) -> None:
    if journal.orig_head is None or repository.reference("ORIG_HEAD") == journal.old_orig_head:
        return
    if journal.old_orig_head is None:
        repository.git("update-ref", "-d", "ORIG_HEAD")
    else:
        repository.git("update-ref", "ORIG_HEAD", journal.old_orig_head)


def sweep(repository: Repository) -> None:
    """Remove scratch files of a landing; only under the lock, and only without a journal."""
    private = repository.private_dir
    stale = _lock_token(index_lock(repository))
    if stale is not None and stale.startswith(TOKEN):
        _unlink([index_lock(repository)])
    _unlink(private.glob("new-*"))
    # Scratch of what takes no lock, and merges that hooks remember: only what is days old.
    for found in (private / "tmp").glob("*"):
        with contextlib.suppress(OSError):
            if time.time() - found.stat().st_mtime > SCRATCH_LIFETIME:
                if found.is_dir():
                    import shutil

                    shutil.rmtree(found, ignore_errors=True)
                else:
                    found.unlink()
    _unlink((private / "index", private / "index.lock"))


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RepositoryError(f"can't remove {path}: {error.strerror}") from error
