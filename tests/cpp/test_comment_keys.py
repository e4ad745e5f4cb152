"""What is a comment's and what is code, by the keys of tokens."""

from __future__ import annotations

from mergeguard.cpp.tokens import is_comment, tokens_of


def test_an_equals_sign_in_a_comment_is_no_operator() -> None:
    code = [
        key
        for key in tokens_of(b"x /= 2;  // half = enough\ny = /* a = b */ 1;\n").keys
        if not is_comment(key)
    ]
    assert code == [b"x", b"/=", b"2", b";", b"y", b"=", b"1", b";"]
