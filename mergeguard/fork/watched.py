"""A repository that notes what is read of one tree, so that what came of it can be held against another tree.

What a computation makes of a tree depends on the answers that it got, and on nothing else of the tree: where
another tree gives the same answers, the same comes of it. What is asked by an object's name needs no note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mergeguard.digests import digest
from mergeguard.git.objects import Entry, ObjectStore
from mergeguard.git.process import encode
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass, field

#: Answers by question: of a path what stands there, of a folder (with "/" behind it) the files in it.
Answers = Mapping[str, str]

# What is noted, or depends on what it is given alone; whatever else is asked is more than the notes tell.
_TOLD = frozenset(
    "entry list_tree files_in read_file read_blob prefetch write_blob hash_blob objects inner watched "
    "answers is_told asked_more work_tree git_dir common_dir private_dir objects_dir index_file "
    "object_format empty_tree".split()
)


@dataclass(frozen=True)
class WatchedRepository(Repository):
    """As ``inner``; ``answers`` are those that it gave about the tree ``watched``."""

    inner: Repository = field(compare=False)
    watched: str = field(compare=False)
    answers: dict[str, str] = field(default_factory=dict, compare=False)
    asked_more: list[str] = field(default_factory=list, compare=False)

    @classmethod
    def of(cls, repository: Repository, tree: str) -> WatchedRepository:
        """The repository, watched for what is asked of ``tree``."""
        own = {name: getattr(repository, name) for name in Repository.__annotations__}
        return cls(**own, inner=repository, watched=tree)

    @property
    def is_told(self) -> bool:
        """Whether ``answers`` are all that anybody wanted to know of the repository."""
        return not self.asked_more

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if not name.startswith("_") and name not in _TOLD:
            super().__getattribute__("asked_more").append(name)
        return found

    @property
    def objects(self) -> ObjectStore:
        return self.inner.objects

    def entry(self, tree: str, path: str) -> Entry | None:
        """See ``Repository.entry``."""
        found = self.inner.entry(tree, path)
        if tree == self.watched:
            self.answers[path] = _spelled(found)
        return found

    def list_tree(self, tree: str, under: str = "") -> dict[str, Entry]:
        """See ``Repository.list_tree``."""
        if tree == self.watched:
            if under:
                self.entry(tree, under.rstrip("/"))
            else:
                self.asked_more.append("list_tree")
        return self.inner.list_tree(tree, under)

    def files_in(self, tree: str, folder: str) -> dict[str, Entry]:
        """See ``Repository.files_in``."""
        found = self.inner.files_in(tree, folder)
        if tree == self.watched:
            self.answers[f"{folder}/"] = _digest(found)
        return found


def holds(repository: Repository, tree: str, answers: Answers) -> bool:
    """Whether ``tree`` gives the same answers."""
    return all(answer == now for answer, now in _asked_again(repository, tree, answers))


def _asked_again(repository: Repository, tree: str, answers: Answers) -> Iterator[tuple[str, str]]:
    for question, answer in answers.items():
        if question.endswith("/"):
            yield answer, _digest(repository.files_in(tree, question[:-1]))
        else:
            yield answer, _spelled(repository.entry(tree, question))


def _spelled(entry: Entry | None) -> str:
    return "" if entry is None else f"{entry.mode:o} {entry.oid}"


def _digest(files: Mapping[str, Entry]) -> str:
    lines = (f"{name}\0{_spelled(entry)}" for name, entry in sorted(files.items()))
    return digest(encode("\n".join(lines)))
