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
