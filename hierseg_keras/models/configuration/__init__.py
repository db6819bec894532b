"""Checks of the arguments of models, and saving and loading of them."""
