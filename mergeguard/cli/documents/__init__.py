"""The command line as documents: completions, man pages, the reference."""
