"""`nonlin extension`."""

import click

from nonlin.errors import MissingDependencyError

__all__ = ["extension"]


@click.command()
def extension() -> None:
    """Build the C++ extension of PyTorch, with which calls of functions cost 5 µs less; it takes about 20 s.

    It needs a C++ compiler and ninja (`pip install "nonlin[extension]"`). It is used from then on, by every process
    with this version of PyTorch. Nothing but time differs.
    """
    try:
        from nonlin.functions.torch_extension import build_extension
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"expected PyTorch, got no module {error.name}; `pip install 'nonlin[extension]'`"
        ) from error
    click.echo(f"the extension is in {build_extension()}")
