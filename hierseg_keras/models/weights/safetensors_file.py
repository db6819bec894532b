"""Reading of `.safetensors` files, which contain no code."""

import pathlib


def read_safetensors(path):
    """Reads all tensors of a `.safetensors` file, as a dict from their names to NumPy arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a safetensors file, or has a number type that NumPy lacks.
    """
    # Imported here because most networks load no such file.
    import safetensors

    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"`weights` expects the path of a .safetensors file. Received: weights={str(path)!r}.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise ValueError(
            f"`weights` expects a safetensors file with number types of NumPy. Received: {path}: {error}. Files in "
            "PyTorch's format (.pth, .bin) may run code when opened, and are not read. Save the weights with "
            "`safetensors.torch.save_file`."
        ) from None
