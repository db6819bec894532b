"""Reads pickles that contain only data.

A pickle is a list of instructions for a machine with a stack. Some of them import and call any function of any module,
so that Python's own reader runs whatever a file says. The reader here knows the few instructions that tensors need.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

# The longest part of a name that an error shows, in characters.
_NAMED = 80
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class PickleError(ValueError):
    """Raised for a pickle that this reader refuses."""


def read_data_pickle(file: BinaryIO, known: Mapping[str, Any], stored: Callable[[Any], Any]) -> Any:
    """Reads the next pickle of a file. It calls only the given functions.

    Args:
        file: Binary file. Its position afterwards is the end of the pickle.
        known: Dict from the names that the pickle may use, such as `"collections OrderedDict"`, to the objects
            that replace them. The pickle may call those that are functions, with any data as arguments.
        stored: Function from the identity of an object outside the pickle to the object.

    Returns:
        The object. It consists of integers, booleans, strings, `None`, tuples, lists, dicts with strings as
        keys, and results of the functions. A list or dict may contain itself.

    Raises:
        PickleError: If the pickle uses an unknown name or an instruction that this reader does not have.
        Exception: If the pickle is damaged.
    """
    stack, marks, memo = [], [], {}

    def after_mark():
        start = marks.pop()
        values = stack[start:]
        del stack[start:]
        return values

    for opcode, argument, _ in pickletools.genops(file):
        match opcode.name:
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append(_CONSTANTS[opcode.name])
            case "EMPTY_TUPLE" | "EMPTY_LIST" | "EMPTY_DICT":
                stack.append(_EMPTY[opcode.name]())
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(after_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack[-_TUPLES[opcode.name] :] = [tuple(stack[-_TUPLES[opcode.name] :])]
            case "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            case "APPENDS":
                values = after_mark()
                stack[-1].extend(values)
            case "SETITEM":
                pair = (stack.pop(-2), stack.pop())
                _set_items(stack[-1], pair)
            case "SETITEMS":
                values = after_mark()
                _set_items(stack[-1], values)
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                if argument not in known:
                    raise PickleError(f"it names {argument[:_NAMED]!r}, which no file of weights needs")
                stack.append(known[argument])
            case "REDUCE":
                # Nothing else on the stack than the functions in `known` can be called.
                arguments = stack.pop()
                stack.append(stack.pop()(*arguments))
            case "BINPERSID":
                stack.append(stored(stack.pop()))
            case "BUILD":
                # Removes the attributes of an object, such as the versions of modules, which are not needed.
                stack.pop()
            case "PROTO" | "STOP":
                pass
            case _:
                raise PickleError(f"it has the instruction {opcode.name}, which no file of weights needs")
    return stack.pop()


def _set_items(items, keys_and_values):
    keys = keys_and_values[::2]
    # Tuples are no keys here: the hash of a tuple that contains another one twice, and so on, would take forever.
    if not all(isinstance(key, str) for key in keys):
        raise PickleError("it has a dict with keys that are not strings")
    items.update(zip(keys, keys_and_values[1::2], strict=True))
