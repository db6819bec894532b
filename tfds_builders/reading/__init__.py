"""Files that somebody already has: found, read and checked."""
