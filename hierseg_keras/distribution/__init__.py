"""All that knows of several devices."""
