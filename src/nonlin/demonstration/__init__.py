"""The network and the data that the package ships: a classifier of handwritten digits that was trained badly.

Its faults came from training at a learning rate that is too high; `README.md` beside this file says how it
was trained, how accurate it is and what is wrong with it. Only the standard library is imported here.
"""

from importlib.resources import files
from pathlib import Path

__all__ = ["data_path", "model_path"]


def model_path() -> Path:
    """Return where the demonstration network lies, an ONNX file.

    Its input `images` is float32 of shape (batch, 64), its output `logits` float32 of shape (batch, 10). The
    four hidden layers are Gemm nodes named `hidden1` to `hidden4`, each followed by a Relu node, `relu1` to
    `relu4`.

    Returns:
        A path inside the installed package. It exists when the package lies in a folder, as pip installs it,
        and not when it is imported from a zip file.

    Example:
        >>> model_path().name
        'digits.onnx'
    """
    return _shipped("digits.onnx")


def data_path() -> Path:
    """Return where the demonstration data lies, the images that were held out of the training.

    Returns:
        The path, as for `model_path`, of a compressed npz file with two arrays: `images`, float32 of shape
        (540, 64), the ink of 8 by 8 pixels row by row, whole numbers from 0 to 16, finite, ready to be fed to
        the network; and `labels`, int64 of shape (540,), the digits 0 to 9.

    Example:
        >>> data_path().name
        'digits.npz'
    """
    return _shipped("digits.npz")


def _shipped(name: str) -> Path:
    return Path(str(files(__name__).joinpath(name)))
