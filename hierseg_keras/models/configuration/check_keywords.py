"""The check of unknown keyword arguments."""

import difflib
import inspect


def check_keywords(cls, keywords):
    """Checks that a model's class has the keyword arguments that it is called with.

    Keras's functional models ignore unknown keyword arguments without an error.

    Args:
        cls: Class of the model.
        keywords: Names of the keyword arguments.

    Raises:
        TypeError: If the class does not have a keyword argument. The error suggests a similar one.
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
