"""Three trees merged as if the split had never happened."""
