"""The group of commands; each is imported only when it is asked for."""

import io
import sys
import traceback
from importlib import import_module

import click

from nonlin.errors import NonlinError

__all__ = ["main"]

_COMMANDS = {
    "inspect": "Learn what the activations of a trained network do on data.",
    "cure": "Try changes for what is wrong, each on a copy, and show before and after.",
    "simplify": "Remove what a network does not need, and prove that nothing changed.",
    "fold": "Count and draw the exact folds and linear regions of a piecewise linear network.",
    "compare": "Train one network with each of several functions, and say what differs.",
    "watch": "Show the log of a watched training run: depth against time.",
    "verify": "Prove a VNN-LIB property, or refute it; the range and the steepest slope of an output.",
    "function": "Show activation functions: derivatives, proven properties, moments, a picture.",
    "functions": "List the catalogue of activation functions, by their properties.",
    "approximate": "Build the smallest ReLU network for a function on an interval.",
    "predict": "Predict length and gradient at every call of a network, from the weights alone.",
    "vanishing": "Predict what deep layers with a function make of a gradient, and try it.",
    "explore": "Open a page on which ReLU networks fold lines and planes; also yours.",
    "bench": "Measure what activation functions cost here, alone and in a training step.",
    "extension": "Build the C++ extension of PyTorch, with which calls of functions cost less.",
}
"""Every command, in the order of the help; `nonlin.cli.NAME` holds a click command of the same name."""

_WRONG_USE = 2
_CRASHED = 70
"""As of other programs that end by a fault of their own; Python's 1 would mean findings here."""
_INTERRUPTED = 130
_CLOSED = 141
"""As of a program that the signal of a closed pipe ends."""


class _Commands(click.Group):
    """A group that knows its commands' names and help lines without importing them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"nonlin.cli.{name}"), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nonlin", message="%(prog)s %(version)s")
def _group() -> None:
    """See, measure and choose the non-linearity in neural networks."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave with its exit code.

    It is 0 fine, 1 findings, 2 wrong use or wrong input, 70 a fault of the program's own, 130 interrupted, 141 where
    the reader of a pipe has left.

    Args:
        arguments: the words after the program's name; those of the process where None.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without "±" shows "?" and not a traceback
    output = sys.stdout
    try:
        code = _group.main(arguments, prog_name="nonlin", standalone_mode=False)
    except SystemExit as error:
        # click wraps a stream whose reader has left, and ends with 1, which would mean findings here
        if sys.stdout is not output:
            sys.exit(_CLOSED)
        where = traceback.extract_tb(error.__traceback__)[-1]
        click.echo(
            f"nonlin: expected code that runs to its end, got SystemExit({error.code!r}) from {where.name} in "
            f"{where.filename}, line {where.lineno}; take it out there",
            err=True,
        )
        sys.exit(_WRONG_USE)
    except click.exceptions.Abort:
        click.echo("nonlin: interrupted; nothing was written", err=True)
        # an interrupt inside an exec() of text leaves a mark, by which Python would end with the signal and not
        # with this code; the next exec() takes it off
        exec("")  # noqa: S102
        sys.exit(_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(_WRONG_USE)
    except NonlinError as error:
        click.echo(f"nonlin: {error}", err=True)
        sys.exit(_WRONG_USE)
    except OSError as error:
        click.echo(f"nonlin: cannot go on: {error}; mend that and run it again", err=True)
        sys.exit(_WRONG_USE)
    except MemoryError:
        click.echo(
            "nonlin: cannot go on: there is not enough memory; give less at once, as with --batch-size",
            err=True,
        )
        sys.exit(_WRONG_USE)
    except Exception:  # noqa: BLE001 - ours, or of code that was handed over
        traceback.print_exc()
        sys.exit(_CRASHED)
    sys.exit(code if isinstance(code, int) else 0)
