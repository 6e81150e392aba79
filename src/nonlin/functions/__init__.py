"""Activation functions: each an immutable expression, defined once; everything else is derived from it."""

from nonlin.functions.expression import Expression, Variable
from nonlin.functions.function import Function
from nonlin.functions.identification import identify
from nonlin.functions.lookup import define, function, functions
from nonlin.functions.pieces import Piece

__all__ = ["Expression", "Function", "Piece", "Variable", "define", "function", "functions", "identify"]
