"""Every exception that nonlin raises on purpose.

Each is a `NonlinError` and also the builtin that a user would catch. Its message is one line that says what
was expected, what was got, and what to do.
"""

__all__ = [
    "InvalidInputError",
    "MissingDependencyError",
    "MissingInputError",
    "NonlinError",
    "UnknownFunctionError",
    "UnsafeModelError",
    "UnsupportedModelError",
]


class NonlinError(Exception):
    """The base of every exception that nonlin raises on purpose."""


class InvalidInputError(NonlinError, ValueError):
    """An argument, a file's content or an array is not what was asked for."""


class MissingInputError(NonlinError, FileNotFoundError):
    """A file that was named does not exist."""


class UnsafeModelError(NonlinError, ValueError):
    """A model that could run code, or read files outside its folder, if it were opened."""


class UnsupportedModelError(NonlinError, NotImplementedError):
    """A well-formed model that holds something that nonlin does not understand; it is named."""


class UnknownFunctionError(NonlinError, LookupError):
    """No activation function of that name; the message lists the nearest."""


class MissingDependencyError(NonlinError, ImportError):
    """An optional library is needed; the message is the command that installs it."""


def first_line(error: BaseException) -> str:
    """Return the first line of what somebody else's exception says, with its type where that alone says little.

    >>> first_line(RuntimeError("sizes differ")), first_line(KeyError("x")), first_line(AssertionError())
    ('sizes differ', "KeyError: 'x'", 'AssertionError')
    """
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    telling = line and isinstance(error, RuntimeError | ValueError | TypeError | IndexError | OSError)
    return line if telling else f"{type(error).__name__}: {line}".removesuffix(": ")
