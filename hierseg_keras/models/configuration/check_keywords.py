"""The check of keyword arguments that no parameter takes."""

import difflib
import inspect


def check_keywords(cls, keywords):
    """Refuses keywords that a model's class does not have, which Keras's functional models swallow.

    Args:
        cls: Class of the model that is about to be made.
        keywords: Names of the keyword arguments given.

    Raises:
        TypeError: With the nearest name.
    """
    parameters = inspect.signature(cls.__init__).parameters.values()
    known = [p.name for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD]
    unknown = [name for name in keywords if name not in (*known, "trainable")]
    if not unknown:
        return
    close = difflib.get_close_matches(unknown[0], known, n=1)
    raise TypeError(
        f"`{cls.__name__}` expects the arguments {', '.join(known)}. Received: {', '.join(unknown)}."
        + (f" Did you mean {close[0]!r}?" if close else "")
    )
