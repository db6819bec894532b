"""Options of a method that supervises stages: which stages, and how a run finds clusters of classes for them."""

import pathlib
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from hierseg_keras.training.config.options import Record
from hierseg_keras.training.config.value_types import AsTuple, Count, Either, Off, Share


def _read_tree(value):
    """Replaces the path of a tree file with its text, so that the configuration does not depend on the file."""
    if not isinstance(value, str) or "\n" in value:
        return value
    try:
        return pathlib.Path(value).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        expected = f"levels, texts of trees or readable tree files ({error})"
        raise PydanticCustomError("one_of", "{expected}", {"expected": expected}) from None


LevelOrTree = Annotated[Either[Count | str], AfterValidator(_read_tree)]


def _named(value):
    # Earlier versions saved false for half the channels.
    return "half" if value is None or value is False else value


Filters = Annotated[Either[Count | Literal["half", "same"]], BeforeValidator(_named)]


class StageSupervision(Record):
    """Holds the options that a run adds to a class such as `models.HS3` whose clusters it can find."""

    stages: Off[AsTuple[tuple[str, ...]]] = None
    """Names of the layers that are supervised. Defaults to `supervised_stages` of the network's class."""
    # The default of `models.HS3` is `None`, deep supervision. A run with HS3 does the whole method by default.
    clusters: Off[Either[Literal["search"] | AsTuple[tuple[LevelOrTree, ...]]]] = "search"
    """Clusters of classes that supervise each stage. "search" finds them. A list gives, per stage, a level of the tree
    or a tree file whose top classes are the clusters. false supervises all stages on all classes (deep supervision)."""
    clustering: Literal["spectral", "kmeans"] = "spectral"
    """Algorithm that finds the clusters: "spectral" or "kmeans"."""
    embeddings: Off[Literal["regions", "features"]] = None
    """Embeddings of classes for k-means: "regions" for the region representations of the stages' blocks, which then are
    trained with deep supervision too, or "features" for those of the stages' heads. Defaults to "regions" with fuse."""
    filters: Filters = "half"
    """With fuse, channels of the last stage's block: an integer, "half" (half the channels of the map that the network
    classifies, as section 3.2 says), or "same" (as many, which the multiply-adds of table 3 imply)."""
    theta: Either[float | Literal["origin"]] = "origin"
    """Angle in degrees, or "origin", that selects the number of clusters from the trade-off with accuracy."""
    ratio: Off[Share] = None
    """Number of clusters of a stage divided by that of the next stage; used in place of `theta`."""
    analysis_share: Share = 0.1
    """Share of the training split on which the clusters are searched."""
