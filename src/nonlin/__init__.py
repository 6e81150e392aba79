"""See, measure and choose the non-linearity in neural networks."""

from nonlin.functions import Function, define, function, functions

__all__ = ["Function", "define", "function", "functions"]
