"""The class tree and the tensor operations along it."""

from hierseg_keras.tree.class_tree import ClassTree, as_class_tree
from hierseg_keras.tree.ignore_class import check_ignore_class
from hierseg_keras.tree.tree_error import TreeError

__all__ = ["ClassTree", "TreeError", "as_class_tree", "check_ignore_class"]
