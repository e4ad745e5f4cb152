"""`mergeguard completion SHELL`: a script for bash, zsh or fish that knows every verb and option.

Nothing of mergeguard runs at a TAB: the script holds the words, refs come from git.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from mergeguard.cli.declare import Argument
from mergeguard.cli.documents.describe import Described, describe
from mergeguard.errors import ExitCode

#: Arguments that are commits: completed with git's refs. Others are completed with files.
_REFS = ("REF", "COMMIT", "MERGE", "RANGE", "A..", "[A..[B]]")


class Shell(StrEnum):
    """The shells that there is a completion for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, Argument(help="Your shell.")]) -> int:
    """Print a completion script, also for `git mergeguard`: `eval "$(mergeguard completion bash)"`."""
    sys.stdout.write(script(shell, describe()))
    return ExitCode.CLEAN


def script(shell: Shell, verbs: Sequence[Described]) -> str:
    """The completion script of a shell."""
    return {Shell.BASH: _bash, Shell.ZSH: _zsh, Shell.FISH: _fish}[shell](verbs)


def _tops(verbs: Sequence[Described]) -> list[str]:
    return [*dict.fromkeys(verb.name.split()[0] for verb in verbs)]


def _words(verb: Described) -> str:
    return " ".join(name for p in verb.parameters for name in p.spellings)


def _takes_refs(verb: Described) -> bool:
    return any(not p.is_option and any(word in p.takes for word in _REFS) for p in verb.parameters)


def _parts(verbs: Sequence[Described]) -> dict[str, list[str]]:
    """The verbs that are groups, with their parts."""
    parts: dict[str, list[str]] = {}
    for verb in verbs:
        top, *rest = verb.name.split()
        if rest:
            parts.setdefault(top, []).append(rest[0])
    return parts


def _cases(verbs: Sequence[Described]) -> list[str]:
    """Lines of a ``case`` over "verb" or "verb part": the options, and whether refs are meant."""
    lines = []
    for verb in verbs:
        refs = " refs=1" if _takes_refs(verb) else ""
        lines.append(f'    "{verb.name}") words="{_words(verb)}"{refs} ;;')
    lines += [f'    "{top}") words="{" ".join(names)}" ;;' for top, names in _parts(verbs).items()]
    return lines


def _bash(verbs: Sequence[Described]) -> str:
    groups = "|".join(_parts(verbs)) or "-"
    return "\n".join(
        [
            "# bash completion for mergeguard and `git mergeguard`.",
            "_mergeguard_words() {",
            '  local key="$1" words="" refs=""',
            '  case "$key" in',
            f'    "") words="{" ".join(_tops(verbs))}" ;;',
            *_cases(verbs),
            "  esac",
            '  printf "%s\\n" $words',
            '  if [[ -n $refs ]]; then git for-each-ref --format="%(refname:short)" 2>/dev/null; fi',
            "}",
            "_mergeguard_at() {  # the index of the verb in COMP_WORDS",
            '  local at="$1" cur="${COMP_WORDS[COMP_CWORD]}" key=""',
            '  while [[ "${COMP_WORDS[at]}" == -C ]]; do at=$((at + 2)); done',
            "  if ((COMP_CWORD > at)); then",
            '    key="${COMP_WORDS[at]}"',
            f'    case "$key" in {groups})',
            '      ((COMP_CWORD > at + 1)) && key="$key ${COMP_WORDS[at + 1]}" ;;',
            "    esac",
            "  fi",
            '  COMPREPLY=($(compgen -W "$(_mergeguard_words "$key")" -- "$cur"))',
            "}",
            "_mergeguard() { _mergeguard_at 1; }",
            "_git_mergeguard() { _mergeguard_at 2; }",
            "complete -o default -F _mergeguard mergeguard",
            "",
        ]
    )


def _zsh(verbs: Sequence[Described]) -> str:
    return "\n".join(
        [
            "#compdef mergeguard",
            "# zsh completion for mergeguard: the words of the bash completion.",
            "autoload -U +X bashcompinit && bashcompinit",
            _bash(verbs),
        ]
    )


def _fish(verbs: Sequence[Described]) -> str:
    out = ["# fish completion for mergeguard.", "complete -c mergeguard -n __fish_use_subcommand -f"]
    for top in _tops(verbs):
        first = next(v for v in verbs if v.name.split()[0] == top)
        summary = first.help.splitlines()[0] if first.name == top and first.help else ""
        out.append(f"complete -c mergeguard -n __fish_use_subcommand -f -a {top} -d {_quoted(summary)}")
    for top, names in _parts(verbs).items():
        out.append(f'complete -c mergeguard -n "__fish_seen_subcommand_from {top}" -f -a "{" ".join(names)}"')
    for verb in verbs:
        seen = f'-n "__fish_seen_subcommand_from {verb.name.split()[-1]}"'
        if _takes_refs(verb):
            refs = "(git for-each-ref --format='%(refname:short)' 2>/dev/null)"
            out.append(f'complete -c mergeguard {seen} -f -a "{refs}"')
        for parameter in verb.parameters:
            flags = " ".join(map(_fish_flag, parameter.spellings))
            if flags:
                takes = " -r" if parameter.takes else ""
                out.append(f"complete -c mergeguard {seen} {flags}{takes} -d {_quoted(parameter.help)}")
    return "\n".join(out) + "\n"


def _fish_flag(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
