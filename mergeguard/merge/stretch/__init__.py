"""One stretch of a text that both sides changed, and what both changes have in common."""
