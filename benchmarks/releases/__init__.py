"""Split forks against unsplit forks on vLLM's real release chain."""
