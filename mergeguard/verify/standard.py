"""The headers of the languages' own libraries: any order will do (C17 7.1.2, C++20 16.5.2.2)."""

from __future__ import annotations

_OF_C = frozenset(
    """
    complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
    """.split()
)
_OF_CPP = frozenset(
    """
    algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts
    condition_variable coroutine deque exception execution expected filesystem format forward_list fstream
    functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale
    map memory memory_resource mutex new numbers numeric optional ostream print queue random ranges ratio
    regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stacktrace
    stdexcept stop_token streambuf string string_view strstream syncstream system_error thread tuple
    type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
    """.split()
)


def is_of_the_language(spelled: str) -> bool:
    """Whether an include, spelled with its angles, is of a header whose place among others means nothing.

    Not ``<assert.h>``: it asks for ``NDEBUG`` each time.
    """
    if not spelled.startswith("<"):
        return False
    name = spelled.strip("<>")
    if name.endswith(".h"):
        return name.removesuffix(".h") in _OF_C
    return name in _OF_CPP or name.startswith("c") and name[1:] in _OF_C
