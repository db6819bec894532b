"""The version of this package. It is a separate module so that packaging can read it without importing Keras."""

__version__ = "0.1.0"
