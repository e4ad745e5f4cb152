"""The catch-up plan of a fork that is thousands of commits behind."""
