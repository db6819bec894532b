"""Checkpoints of a run: what they contain, when they are saved, and how a run is resumed from one."""
