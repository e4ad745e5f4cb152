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
#: fish asks for what stands behind ``git mergeguard`` as if ``git-mergeguard`` were typed (3.6 forgets to).
_FISH_OF_GIT = """\
complete -c git-mergeguard --wraps mergeguard
function __fish_mergeguard_of_git
    set -l typed (commandline -opc)
    complete -C "mergeguard $typed[3..] "(commandline -ct)
end
complete -c git -n "__fish_git_using_command mergeguard" -f -a "(__fish_mergeguard_of_git)"
"""
#: zsh's completion of git calls the function of this name.
_ZSH_OF_GIT = """#autoload
autoload -Uz _mergeguard
_mergeguard "$@"
"""


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


def installed(verbs: Sequence[Described]) -> dict[str, str]:
    """The files that an installation has, below its ``share``: a shell looks for ``git mergeguard`` by
    another name."""
    bash, fish = "bash-completion/completions", "fish/vendor_completions.d"
    return {
        f"{bash}/mergeguard": _bash(verbs),
        f"{bash}/git-mergeguard": _bash(verbs),
        "zsh/site-functions/_mergeguard": _zsh(verbs),
        "zsh/site-functions/_git-mergeguard": _ZSH_OF_GIT,
        f"{fish}/mergeguard.fish": _fish(verbs),
        f"{fish}/git-mergeguard.fish": _FISH_OF_GIT,
    }


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
    groups = "|".join(_parts(verbs)) or "-"
    return "\n".join(
        [
            "#compdef mergeguard",
            "# zsh completion for mergeguard and `git mergeguard`.",
            "_mergeguard_offered() {",
            "  local offered= refs=",
            '  case "$1" in',
            f'    "") offered="{" ".join(_tops(verbs))}" ;;',
            *(line.replace(" words=", " offered=") for line in _cases(verbs)),
            "  esac",
            "  print -l -- ${=offered}",
            "  if [[ -n $refs ]]; then git for-each-ref --format='%(refname:short)' 2>/dev/null; fi",
            "}",
            "_mergeguard() {",
            '  local at=2 key=""',
            "  while [[ ${words[at]} == -C ]]; do (( at += 2 )); done",
            "  if (( CURRENT > at )); then",
            "    key=${words[at]}",
            f'    case $key in ({groups}) (( CURRENT > at + 1 )) && key="$key ${{words[at+1]}}" ;; esac',
            "  fi",
            '  compadd -- ${(f)"$(_mergeguard_offered "$key")"}',
            "  [[ -z $key ]] || _files",
            "}",
            '_git-mergeguard() { _mergeguard "$@" }',
            "# Read from a folder of $fpath, this file is the body of the function; else it is told to zsh.",
            'if [[ $funcstack[1] == _mergeguard ]]; then _mergeguard "$@"',
            "else compdef _mergeguard mergeguard; fi",
            "",
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
    out.append(_FISH_OF_GIT)
    return "\n".join(out)


def _fish_flag(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
