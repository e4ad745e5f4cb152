"""What an item is, by the tokens before its body."""
