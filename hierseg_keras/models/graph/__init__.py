"""Inspection of the graphs of functional networks."""
