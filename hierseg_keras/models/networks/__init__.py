"""Networks that take a class tree as their first argument."""
