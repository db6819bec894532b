"""Reading of `.safetensors` files, which contain no code."""


def read_safetensors(path):
    """Reads all tensors of a `.safetensors` file, as a dict from their names to NumPy arrays.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If the file is not a safetensors file, or has a number type that NumPy lacks.
    """
    # Imported here because most networks load no such file.
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise ValueError(
            f"`weights` expects a safetensors file with number types of NumPy, or a .pth file. Received: {path}: "
            f"{error}. Save the weights with `safetensors.torch.save_file`."
        ) from None
