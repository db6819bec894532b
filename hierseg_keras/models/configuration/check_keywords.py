"""The check of unknown keyword arguments."""

import inspect

from hierseg_keras.messages.nearest_name import did_you_mean


def keyword_arguments(cls, base=object):
    """Returns the names of the arguments of a class's constructor.

    If it has `**options`, it passes them on to its parent, so that the parent's arguments are included.

    Args:
        cls: Class.
        base: Base class whose arguments, and those of its parents, are not included.
    """
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        owner = next(index for index, each in enumerate(cls.__mro__) if "__init__" in vars(each))
        parents = [each for each in cls.__mro__[owner + 1 :] if issubclass(each, base) and each is not base]
        names += keyword_arguments(parents[0], base) if parents else []
    return list(dict.fromkeys(names))


def check_keywords(base, cls, keywords):
    """Checks that a model's class has the keyword arguments that it is called with.

    Keras's functional models ignore unknown keyword arguments without an error.

    Args:
        base: Base class that calls this function.
        cls: Class of the model.
        keywords: Names of the keyword arguments.

    Raises:
        TypeError: If the class does not have a keyword argument. The error suggests a similar one.
    """
    known = keyword_arguments(cls, base)
    unknown = [name for name in keywords if name not in (*known, "trainable")]
    if not unknown:
        return
    raise TypeError(
        f"`{cls.__name__}` expects the arguments {', '.join(known)}. Received: {', '.join(unknown)}."
        f"{did_you_mean(unknown[0], known)}"
    )
