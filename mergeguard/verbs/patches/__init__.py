"""The fork's edits as patches: `export`, `import`, and commits from before a rule was adopted."""
