"""Every public function, constructor and method says what it takes and returns, for editors and type checkers."""

import importlib
import inspect
import pkgutil

import pytest

import hierseg_keras as hs
import tfds_builders
from tfds_builders.tree_builder import TreeBuilder

ROOMS = sorted(name for _, name, is_package in pkgutil.iter_modules(hs.__path__) if is_package)


def public_objects():
    for room in ROOMS:
        module = importlib.import_module(f"hierseg_keras.{room}")
        for name in getattr(module, "__all__", ()):
            yield pytest.param(getattr(module, name), id=f"{room}.{name}")
    yield pytest.param(TreeBuilder, id="tfds_builders.TreeBuilder")


def functions(public):
    """The function itself, or a class's constructor and the public methods of its own body.

    A method that overrides another keeps that one's signature, and is left out.
    """
    if inspect.isfunction(public):
        return [public]
    if not inspect.isclass(public):
        return []
    overridden = {name for base in public.__mro__[1:] for name in vars(base)}
    names = [name for name in vars(public) if not name.startswith("_") and name not in overridden]
    own = [vars(public)[name] for name in [*names, "__init__"] if name in vars(public)]
    # A class method or static method is what wraps its function.
    return [
        function for function in (getattr(member, "__func__", member) for member in own) if inspect.isfunction(function)
    ]


@pytest.mark.parametrize("public", public_objects())
def test_parameters_and_returns_are_annotated(public):
    missing = []
    for function in functions(public):
        # `**kwargs` are another function's parameters.
        named = [p.name for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD]
        required = [*named, *([] if function.__name__ == "__init__" else ["return"])]
        missing += [f"{function.__qualname__}: {name}" for name in required if name not in function.__annotations__]
    assert not [name for name in missing if not name.endswith((": self", ": cls"))]


@pytest.mark.parametrize("package", [hs, tfds_builders])
def test_packages_are_marked_as_typed(package):
    assert (importlib.resources.files(package) / "py.typed").is_file()
