"""What git's hooks do after ``mergeguard install``: plain git commands end with what our verbs give.

``git merge`` asks ``pre-merge-commit``, where conflicts of layouts stop it as git's own do, and tells
``post-merge``, which replaces the commit. ``git rebase`` tells ``post-rewrite``, which replays the commits
through the lens. ``git cherry-pick`` and ``git revert`` go through ``prepare-commit-msg`` and ``post-commit``
like any commit. A merge that stops for other conflicts shows in ``post-index-change``. Every result lands in
one step; where it can't, git's own result stays, the note stays open, and ``mergeguard repair`` tries again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

from mergeguard.errors import MergeguardError
from mergeguard.git.atwork import ACTIVE_VARIABLE, NOTE, may_be_interrupted, merged_commits
from mergeguard.hooks.telling import tell

#: Where below ``mergeguard.hooks`` each hook's handler is: ``handler(repository, arguments) -> status``.
_HANDLERS = {
    "pre-merge-commit": "plainmerge",
    "post-merge": "plainmerge",
    "post-index-change": "mergehooks",
    "post-rewrite": "rebasehook",
    "prepare-commit-msg": "commithooks",
    "post-commit": "commithooks",
    "pre-push": "pushhook",
}
#: Have something to do in a merge of one commit only, which git names in the environment.
_OF_MERGES = ("pre-merge-commit", "post-merge")
#: Have something to do only where the merge driver has left a note.
_FOR_NOTES = ("prepare-commit-msg", "pre-push")
#: Hooks that git asks before it goes on: an error of ours stops it.
_MAY_REFUSE = ("pre-merge-commit", "prepare-commit-msg")


def main(arguments: Sequence[str]) -> int:
    """``mergeguard hook NAME ARGUMENTS…``; the exit status counts for hooks that may refuse."""
    name, rest = arguments[1] if len(arguments) > 1 else "", list(arguments[2:])
    if name not in _HANDLERS or not _worth_a_look(name, rest):
        return 0
    from mergeguard.git.repository import Repository

    try:
        repository = Repository.discover()
        if may_be_interrupted(repository.private_dir, repository.common_dir / "mergeguard"):
            from mergeguard.git.recovery import recover

            recover(repository)
        handlers = import_module(f"mergeguard.hooks.{_HANDLERS[name]}")
        return int(getattr(handlers, name.replace("-", "_"))(repository, rest))
    except MergeguardError as error:
        _say(f"{name}: {error}")
        if error.hint:
            _say(f"next: {error.hint}")
    except OSError as error:
        _say(f"{name}: {error.filename or 'the repository'}: {error.strerror}")
        _say("next: check the permissions and the free space")
    if name in _MAY_REFUSE:
        _say("nothing was committed; correct that and commit again, or commit it as it is, without us:")
        _say(f"next: {ACTIVE_VARIABLE}=1 git commit --no-edit")
        return 1
    _say("split files may not be as they should; `mergeguard repair` tries again")
    return 0


def _worth_a_look(name: str, arguments: list[str]) -> bool:
    """Whether the hook can have anything to do; answered without opening the repository."""
    if name == "post-rewrite" and arguments[:1] != ["rebase"]:
        return False
    if name in _OF_MERGES and len(merged_commits(os.environ)) != 1:
        return False
    if name == "prepare-commit-msg" and merged_commits(os.environ):
        return False  # of a merge that has not stopped: its own hooks see to it
    if name in _FOR_NOTES:
        return _noted()
    # The index, once git has stopped for conflicts: edits may have to follow a split made by hand.
    return name == "post-index-change" or _noted() or os.path.isdir(".mergeguard/locks")


def _noted() -> bool:
    folder = os.environ.get("GIT_DIR", ".git")
    return os.path.exists(f"{folder}/{NOTE}") or not os.path.isdir(folder)


def _say(text: str) -> None:
    tell(f"mergeguard: {text}")
