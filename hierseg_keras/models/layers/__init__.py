"""Layers and small blocks that several networks share."""
