"""Networks that turn images into maps of features."""
