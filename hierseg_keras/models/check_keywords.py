"""The check of keyword arguments that no parameter takes."""

import difflib
import inspect


def check_keywords(model, keywords):
    """Refuses keywords that a model's class does not have, which Keras's functional models swallow.

    Args:
        model: The model that is being made.
        keywords: Dict of what its constructor was given beyond its parameters.

    Raises:
        TypeError: With the nearest name.
    """
    unknown = [name for name in keywords if name != "trainable"]
    if not unknown:
        return
    parameters = inspect.signature(type(model).__init__).parameters.values()
    known = [p.name for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD]
    close = difflib.get_close_matches(unknown[0], known, n=1)
    raise TypeError(
        f"`{type(model).__name__}` expects the arguments {known}. Received: {', '.join(unknown)}."
        + (f" Did you mean {close[0]!r}?" if close else "")
    )
