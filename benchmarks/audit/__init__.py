"""False findings of the audit over vLLM's real release chain."""
