"""A walk through the graph of a functional model, from a tensor back to the inputs."""


def operations_before(tensor):
    """Yields the operations that a symbolic tensor depends on, each call of a layer once.

    Args:
        tensor: Symbolic tensor of a functional `keras.Model`.
    """
    pending, seen = [tensor], set()
    while pending:
        operation, node, _ = pending.pop()._keras_history
        if (id(operation), node) not in seen:
            seen.add((id(operation), node))
            pending += operation._inbound_nodes[node].input_tensors
            yield operation
