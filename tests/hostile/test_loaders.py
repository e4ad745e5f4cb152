"""Whatever stands in a rule, a lock, a mark or a state file: it is read, or refused by one typed error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard import store
from mergeguard.build.commands import CommandError
from mergeguard.build.database import from_database
from mergeguard.data import shipped_rules
from mergeguard.errors import LayoutError, RuleError
from mergeguard.fork.locks import Lock, parse_lock
from mergeguard.lens.rule import parse_rule
from tests.support.story import PAGED, Story, git

RULE = shipped_rules()["vllm/paged_attention_v1.toml"]
LOCK = Lock(1, "csrc/a.cu", "0" * 40, "1" * 40, 1).to_toml()
DEEP = b"x = " + b"[" * 3000
LONG = b"x = " + b"1" * 5000
KEYS = b"x." * 3000 + b"y = 1\n"

#: What breaks readers, put into a document at any place.
SPLICES = st.one_of(
    st.sampled_from(
        [b"[" * 1500, b"{a=" * 1500, b"1" * 4400, b'"\\u0000"', b"\0", b"\xff", b"''", b"{}", b"[[a]]", b"="]
        + [KEYS, b"schema = 1\n", b'"..\\\\"', b"-1", b"1979-05-27", b"nan", b"\r", b"\xef\xbb\xbf", b"#\x07"]
    ),
    st.binary(max_size=12),
)


def mutated(document):
    """The document with up to three stretches of it replaced."""

    def apply(cuts):
        text = document
        for start, length, new in cuts:
            at = start % (len(text) + 1)
            text = text[:at] + new + text[at + length :]
        return text

    cut = st.tuples(st.integers(0, 10_000), st.integers(0, 40), SPLICES)
    return st.lists(cut, min_size=1, max_size=3).map(apply)


def read_or_refused(read, kind):
    """What was read; None where it was refused by an error of this kind that names the file."""
    try:
        return read()
    except kind as error:
        refused = error
    assert refused.where is not None and refused.where.path in ("r.toml", "l.toml")
    return None


@settings(max_examples=150)
@given(mutated(RULE))
def test_a_mutated_rule_is_read_or_refused(text):
    rule = read_or_refused(lambda: parse_rule(text, "r.toml"), RuleError)
    assert rule is None or all("\0" not in path for path in rule.paths())


@settings(max_examples=150)
@given(mutated(LOCK))
def test_a_mutated_lock_is_read_or_refused(text):
    lock = read_or_refused(lambda: parse_lock("l.toml", text), LayoutError)
    assert lock is None or parse_lock("l.toml", lock.to_toml()) == lock


@given(st.binary(min_size=1).map(lambda raw: raw.replace(b"\0", b"\1").decode("utf-8", "surrogateescape")))
def test_any_path_goes_through_toml(path):
    written = store.write_toml("said", {"path": store.quoted(path)})
    assert store.unquoted(store.read_toml(written)["path"]) == path


@pytest.mark.parametrize("name", ['a"b.cu', "a\\b.cu", "caf\udce9.cu", "π.cu", '"q".cu', "tab\t.cu"])
def test_a_lock_of_a_monolith_of_any_name_comes_back(name):
    lock = Lock(1, f"csrc/{name}", "0" * 40, "1" * 40, 1)
    assert parse_lock("l.toml", lock.to_toml()) == lock


@pytest.mark.parametrize("text", [DEEP, LONG, KEYS * 2, b"\xff", b"x = '" + b"y" * (store.MOST_BYTES + 1)])
def test_toml_that_breaks_the_parser_is_refused(text):
    with pytest.raises(store.Unreadable):
        store.read_toml(text)


@pytest.mark.parametrize("text", [b"[" * 5000, b'{"a":' * 5000, b"1" * 5000, b"\xff", b""])
def test_json_that_breaks_the_parser_is_refused(text):
    with pytest.raises(store.Unreadable):
        store.decode(text, dict[str, object])


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(1, 255))
def test_a_changed_byte_of_what_was_sealed_is_noticed(data, at, change):
    sealed = bytearray(store.sealed(data))
    assert store.opened(bytes(sealed)) == data
    sealed[at % len(sealed)] ^= change
    with pytest.raises(store.Unreadable):
        store.opened(bytes(sealed))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("upstream", '""', "can't be read"),
        ("upstream", '"HEAD:README"', "can't be read"),
        ("rule", '"main"', "can't be read"),
        ("monolith", '"../out.cu"', "outside the repository"),
        ("monolith", '"a\\u0000b.cu"', "outside the repository"),
        ("schema", "4", "install the mergeguard"),
    ],
)
def test_an_odd_lock_is_refused(field, value, says):
    lines = LOCK.decode().splitlines()
    text = "\n".join(f"{field} = {value}" if line.startswith(f"{field} =") else line for line in lines)
    with pytest.raises(LayoutError) as caught:
        parse_lock("l.toml", text.encode())
    assert says in f"{caught.value} {caught.value.hint}"


# -- the same through the command line -----------------------------------------------------------------


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return Story.begin(tmp_path_factory.mktemp("hostile"), "paged_attention_v1")


@pytest.fixture
def story(split):
    yield split
    git(split.fork, "reset", "-q", "--hard")
    git(split.fork, "clean", "-fdq")


@pytest.mark.parametrize("verb", ["status", "check", "split"])
@pytest.mark.parametrize("text", [DEEP, LONG, KEYS, b"\xff", b"", b"schema = 2"])
@pytest.mark.parametrize(
    "path", [".mergeguard/rules/odd.toml", ".mergeguard/locks/paged_attention_v1.toml"], ids=["rule", "lock"]
)
def test_every_verb_refuses_it_by_name(story, path, text, verb):
    story.write(path, text)
    ran = story.run(verb)
    assert ran.code == 2, ran.err
    assert path in ran.err and "next:" in ran.err


@pytest.mark.parametrize("folder", ["rules", "locks"])
def test_a_link_in_place_of_our_file_is_named(story, folder):
    path = f".mergeguard/{folder}/paged_attention_v1.toml"
    (story.fork / path).unlink()
    (story.fork / path).symlink_to("/etc/passwd")
    ran = story.run("status")
    assert ran.code == 2 and path in ran.err and "symbolic link" in ran.err


def test_a_link_in_place_of_a_folder_of_ours_is_named(story):
    rules = story.fork / ".mergeguard/rules"
    rules.rename(story.fork / "elsewhere")
    rules.symlink_to("../elsewhere")
    ran = story.run("status")
    assert ran.code == 2 and ".mergeguard/rules" in ran.err and "symbolic link" in ran.err


@pytest.mark.parametrize("text", [DEEP, LONG, b"why = 3", b"\xff"])
def test_an_odd_mark_is_named(story, text):
    story.write(".mergeguard/kept/abc.toml", text)
    story.edit(f"{PAGED}/shard_small.cu", "#define MG_SHARD", "int nowhere;\n#define MG_SHARD")
    ran = story.run("status")
    assert ran.code in (1, 2) and ".mergeguard/kept/abc.toml" in ran.out + ran.err


@pytest.mark.parametrize("name", ["last-sync.json", "pending", "plan.json", "rebase.json"])
@pytest.mark.parametrize("text", [b"[" * 5000, b"1" * 5000, b"\xff", b"{}", b"null"])
def test_an_odd_state_file_stops_nothing_but_its_own_verb(story, name, text):
    private = story.fork / ".git/mergeguard"
    private.mkdir(exist_ok=True)
    (private / name).write_bytes(text)
    try:
        for verb in (["status"], ["report"], ["plan", "upstream/main"], ["sync", "upstream/main"]):
            ran = story.run(*verb)
            assert ran.code in (0, 1, 2), (verb, ran.err)
    finally:
        (private / name).unlink(missing_ok=True)


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d[:70] + b"\xff" + d[71:], lambda d: b""])
def test_a_damaged_cache_of_layouts_is_thrown_away(story, damage):
    assert story.run("check").code == 0
    cache = story.fork / ".git/mergeguard/layouts"
    kept = [*cache.iterdir()]
    assert kept
    for file in kept:
        file.write_bytes(damage(file.read_bytes()))
    ran = story.run("check")
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize("data", [b"{", b'{"version": 3}', b"[" * 5000, b"\xff"])
def test_a_damaged_journal_is_named_and_can_be_dropped(story, data):
    private = story.fork / ".git/mergeguard"
    private.mkdir(exist_ok=True)
    for name in ("journal", "changing"):
        (private / name).write_bytes(data)
    ran = story.run("status")
    assert ran.code == 2 and "can't be read" in ran.err and "mergeguard recover --forget" in ran.err
    assert story.run("recover", "--forget").code == 0
    assert story.run("status").code == 0


ENTRY = {"directory": ".", "file": "a.cu", "command": "g++ -c a.cu -o a.o"}


@pytest.mark.parametrize(
    "entries",
    [
        "[" * 5000,
        "1" * 5000,
        "{}",
        "[1]",
        '[{"file": 3}]',
        json.dumps([{**ENTRY, "directory": "a\0b"}]),
        json.dumps([{**ENTRY, "file": "a\0b"}]),
        json.dumps([{**ENTRY, "command": "g++ 'open"}]),
        json.dumps([{**ENTRY, "command": ""}]),
        json.dumps([{**ENTRY, "arguments": [1, 2]}]),
        json.dumps([{**ENTRY, "arguments": []}]),
        json.dumps([{**ENTRY, "command": "g++ a\0b -c a.cu"}]),
    ],
)
def test_an_odd_compile_database_is_refused(tmp_path, entries):
    (tmp_path / "a.cu").write_text("")
    database = tmp_path / "compile_commands.json"
    database.write_text(entries)
    with pytest.raises(CommandError):
        from_database(database, "a.cu", tmp_path)
