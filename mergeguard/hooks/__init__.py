"""Plain git commands end with what the verbs give: hooks, the merge driver, and what finishes their work."""
