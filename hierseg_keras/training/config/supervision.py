"""The stages that a method supervises, and how a run finds the clusters that it supervises them on."""

import pathlib
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from hierseg_keras.training.config.options import Record
from hierseg_keras.training.config.value_types import AsTuple, Count, Either, Off, Share


def _read_tree(value):
    """A tree file as its text, so that a configuration does not depend on the file any more."""
    if not isinstance(value, str) or "\n" in value:
        return value
    try:
        return pathlib.Path(value).read_text("utf-8")
    except (OSError, ValueError) as error:
        expected = f"levels, texts of trees or tree files that can be read ({error})"
        raise PydanticCustomError("one_of", "{expected}", {"expected": expected}) from None


LevelOrTree = Annotated[Either[Count | str], AfterValidator(_read_tree)]


class StageSupervision(Record):
    """What a run adds to a class such as `models.HS3`, whose clusters of classes it can find."""

    stages: Off[AsTuple[tuple[str, ...]]] = None
    """Names of the layers that are supervised. Defaults to the network's `supervised_stages`."""
    # The class's own default is `None`, which is deep supervision; a run of HS3 is the whole method.
    clusters: Off[Either[Literal["search"] | AsTuple[tuple[LevelOrTree, ...]]]] = "search"
    """Clusters of the classes: "search" finds them; for each stage, a level of the tree or a tree file whose top
    classes are the clusters; or false, every class by itself, which is deep supervision."""
    clustering: Literal["spectral", "kmeans"] = "spectral"
    """How clusters are searched."""
    theta: Either[float | Literal["origin"]] = "origin"
    """Trade-off of tasks and accuracy that clusters are chosen by: degrees, or "origin"."""
    ratio: Off[Share] = None
    """In place of `theta`: classes of a stage for one of the next stage's."""
    analysis_share: Share = 0.1
    """Share of the training split that clusters are searched on."""
