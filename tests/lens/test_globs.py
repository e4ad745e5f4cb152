"""Which shard takes which template arguments, however many a rule lists."""

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from mergeguard.lens.homes.globs import ArgumentShards, squeezed
from mergeguard.lens.rule import Instantiate

_ARGUMENTS = st.text("ab ,", min_size=1, max_size=4)
_GLOBS = st.one_of(_ARGUMENTS, st.text("ab*?[],", min_size=1, max_size=4))


@given(st.lists(st.lists(_GLOBS, max_size=4), min_size=1, max_size=4), _GLOBS)
def test_the_first_shard_with_a_glob_that_fits_takes_it(listed, arguments):
    shards = {f"shard_{number}.cu": tuple(globs) for number, globs in enumerate(listed)}
    rule = Instantiate("f", "kernel.cuh", shards, "rest.cu")
    fitting = (
        shard
        for shard, globs in shards.items()
        if any(fnmatchcase(squeezed(arguments), squeezed(glob)) for glob in globs)
    )
    assert ArgumentShards(rule).of(arguments) == next(fitting, None)
