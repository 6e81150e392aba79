"""The lowering to compiled loops over NumPy arrays, by Numba."""

from nonlin.functions.kernels.compilation import cache_folder, compiled

__all__ = ["cache_folder", "compiled"]
