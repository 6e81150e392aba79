"""The lowering to compiled loops over NumPy arrays, by Numba."""

from nonlin.functions.kernels.compilation import addressed, cache_folder, compiled, load
from nonlin.functions.kernels.interpretation import interpreted

__all__ = ["addressed", "cache_folder", "compiled", "interpreted", "load"]
