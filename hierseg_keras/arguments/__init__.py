"""Recognizes the values of arguments, and the names that arguments had in earlier versions."""
