"""Decoders and classifiers on the maps of backbones."""
