"""The ways of a request through the script, and what goes wrong on them."""
