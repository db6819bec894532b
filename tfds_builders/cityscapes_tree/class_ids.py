"""The 34 class ids in Cityscapes' `*_labelIds.png`, and their classes.

Id -1, `license plate`, exists in the polygons only: the official scripts do not paint it.
"""

# In the order of ids, from 0. Classes with a train id are the tree's leaves. The official evaluation excludes others.
TRAINED, UNTRAINED = True, False
CLASSES = (
    ("void/unlabeled", UNTRAINED),
    ("void/ego vehicle", UNTRAINED),
    ("void/rectification border", UNTRAINED),
    ("void/out of roi", UNTRAINED),
    ("void/static", UNTRAINED),
    ("void/dynamic", UNTRAINED),
    ("void/ground", UNTRAINED),
    ("flat/road", TRAINED),
    ("flat/sidewalk", TRAINED),
    ("flat/parking", UNTRAINED),
    ("flat/rail track", UNTRAINED),
    ("construction/building", TRAINED),
    ("construction/wall", TRAINED),
    ("construction/fence", TRAINED),
    ("construction/guard rail", UNTRAINED),
    ("construction/bridge", UNTRAINED),
    ("construction/tunnel", UNTRAINED),
    ("object/pole", TRAINED),
    ("object/polegroup", UNTRAINED),
    ("object/traffic light", TRAINED),
    ("object/traffic sign", TRAINED),
    ("nature/vegetation", TRAINED),
    ("nature/terrain", TRAINED),
    ("sky/sky", TRAINED),
    ("human/person", TRAINED),
    ("human/rider", TRAINED),
    ("vehicle/car", TRAINED),
    ("vehicle/truck", TRAINED),
    ("vehicle/bus", TRAINED),
    ("vehicle/caravan", UNTRAINED),
    ("vehicle/trailer", UNTRAINED),
    ("vehicle/train", TRAINED),
    ("vehicle/motorcycle", TRAINED),
    ("vehicle/bicycle", TRAINED),
)
_VOID = "void"


def class_paths(untrained_as_category):
    """Returns the path of the node of each id.

    Args:
        untrained_as_category: Boolean, whether a class that is not used in training means its
            category, such as `flat` for parking. Void is not a category.

    Returns:
        List of strings in the order of the ids; `None` for an id that means "no label".
    """
    paths = []
    for path, is_trained in CLASSES:
        category = path.partition("/")[0]
        coarse = category if untrained_as_category and category != _VOID else None
        paths.append(path if is_trained else coarse)
    return paths
