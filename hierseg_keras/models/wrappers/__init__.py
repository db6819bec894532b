"""Wrappers that change how a network is trained or how it predicts."""
