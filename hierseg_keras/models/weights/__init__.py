"""Pretrained weights, loaded whole or not at all."""
