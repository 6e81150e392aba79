"""Commands that take a formula, which may begin with a minus sign."""

import ast
import re

import click

__all__ = ["FormulaCommand"]

_HOLDS_X_OR_A_NUMBER = re.compile(r"-.*\bx\b|-[\s(]*[\d.]")


class FormulaCommand(click.Command):
    """A command that tells the formula "-x * x" from a mistyped option, which it refuses with the nearest one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; a formula gets a space in front, so that click does not take it for an option."""
        options = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        return super().parse_args(
            ctx, [f" {word}" if word not in options and _is_formula(word) else word for word in args]
        )


def _is_formula(word: str) -> bool:
    if not _HOLDS_X_OR_A_NUMBER.match(word):
        return False
    try:
        ast.parse(word, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
