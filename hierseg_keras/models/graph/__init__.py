"""What can be found out about a functional network, and taken from it."""
