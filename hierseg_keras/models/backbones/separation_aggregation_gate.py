"""The separation-and-aggregation gate, by which two streams of features clean and join each other."""

from keras import layers, ops

REDUCTION = 16


def separation_aggregation_gate(image, depth, name):
    """Joins the maps of two streams, and passes on to each what both have found (Chen et al., ECCV 2020).

    Each stream is first given the other's channels, weighed by what both have over the whole image
    (equations 1-3); of these a gate tells pixel by pixel which stream to believe (equations 4-6).

    Args:
        image, depth: Symbolic maps of one shape, `(B, h, w, C)`.
        name: What the names of its layers begin with.

    Returns:
        Triple of symbolic maps, `(B, h, w, C)`: both streams, each the mean of what it was and the
        joined map; and the joined map.
    """
    pooled = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.pool")
    pooled = pooled(layers.Concatenate(name=f"{name}.streams")([image, depth]))
    cleaned = [
        layers.Add(name=f"{name}.{kind}.cleaned")([x, _filtered(other, pooled, f"{name}.{kind}")])
        for kind, x, other in (("image", image, depth), ("depth", depth, image))
    ]
    trust = layers.Conv2D(2, 1, dtype="float32", name=f"{name}.gate")(
        layers.Concatenate(name=f"{name}.cleaned")(cleaned)
    )
    trust = ops.cast(ops.softmax(trust, axis=-1), image.dtype)
    joined = layers.Identity(name=f"{name}.joined")(image * trust[..., :1] + depth * trust[..., 1:])
    return (image + joined) / 2, (depth + joined) / 2, joined


def _filtered(x, pooled, name):
    """Channels, each times a weight between 0 and 1 that is told from both streams."""
    channels = x.shape[-1]
    weights = layers.Dense(max(channels // REDUCTION, 1), activation="relu", name=f"{name}.squeeze")(pooled)
    weights = layers.Dense(channels, activation="sigmoid", name=f"{name}.excite")(weights)
    return layers.Multiply(name=f"{name}.filtered")([x, weights])
