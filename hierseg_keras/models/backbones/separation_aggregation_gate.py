"""The separation-and-aggregation gate, which exchanges features between two streams and joins them."""

from keras import layers, ops

REDUCTION = 16


def separation_aggregation_gate(image, depth, name):
    """Joins the maps of an image stream and a depth stream (Chen et al., ECCV 2020).

    First, each stream receives the channels of the other stream, weighted by the features of both over the
    whole image (equations 1-3). From the results, a gate predicts a weight of each stream per pixel. The
    joined map is the weighted sum of both streams (equations 4-6).

    Args:
        image, depth: Symbolic maps of one shape, `(B, h, w, C)`.
        name: Prefix of all layer names.

    Returns:
        Triple `(image, depth, joined)` of symbolic maps, `(B, h, w, C)`. The new map of each stream is the
        mean of its old map and the joined map.
    """
    pooled = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.pool")
    pooled = pooled(layers.Concatenate(name=f"{name}.streams")([image, depth]))
    cleaned = [
        layers.Add(name=f"{name}.{stream}.cleaned")([x, _filtered(other, pooled, f"{name}.{stream}")])
        for stream, x, other in (("image", image, depth), ("depth", depth, image))
    ]
    gate = layers.Conv2D(2, 1, dtype="float32", name=f"{name}.gate")(
        layers.Concatenate(name=f"{name}.cleaned")(cleaned)
    )
    gate = ops.cast(ops.softmax(gate, axis=-1), image.dtype)
    joined = layers.Identity(name=f"{name}.joined")(image * gate[..., :1] + depth * gate[..., 1:])
    return (image + joined) / 2, (depth + joined) / 2, joined


def _filtered(x, pooled, name):
    """Multiplies each channel by a weight between 0 and 1, which is predicted from both streams."""
    channels = x.shape[-1]
    weights = layers.Dense(max(channels // REDUCTION, 1), activation="relu", name=f"{name}.squeeze")(pooled)
    weights = layers.Dense(channels, activation="sigmoid", name=f"{name}.excite")(weights)
    return layers.Multiply(name=f"{name}.filtered")([x, weights])
