"""Is a merged text the sum of both sides' edits? An independent check of what the merge claims.

The merge (``mergeguard.merge``) says of each token of a result where it is from: the *certificate*.
``check`` reads the three versions, the result and the certificate with a tokenizer of its own and accepts
or rejects. It shares no code with the merge (an import contract holds that), so that one mistake can't be
made twice.
"""

from mergeguard.certify.check import FORMAT, Rejected, Text, certified, check

__all__ = ["FORMAT", "Rejected", "Text", "certified", "check"]
