"""Arguments of models: checked, saved and loaded."""
