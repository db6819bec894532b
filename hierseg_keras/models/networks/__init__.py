"""The networks, whose first argument is the class tree."""
