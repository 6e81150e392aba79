"""The page in a notebook."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from nonlin.errors import MissingDependencyError
from nonlin.explore.page import page

__all__ = ["widget"]


def widget(model: Any = None, data: Any = None, *, address: str = "", height: int = 900) -> Any:
    """Return the page as a widget for Jupyter, and wherever else anywidgets are shown.

    Its trait `address` follows what the reader does, and moves the page when it is set.

    Args:
        model: shown in the panel "My network"; None for the demonstration.
        data: at least three samples for it.
        address: the panel and its state, such as "#line?n=2".
        height: in pixels.

    Raises:
        MissingDependencyError: anywidget is not installed.
    """
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise MissingDependencyError("the widget needs anywidget: pip install 'nonlin[notebook]'") from error
    from nonlin.explore.network import embedded
    from nonlin.explore.opening import demonstrated

    class Page(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore] # anywidget may not be installed
        """A frame that holds the page."""

        _esm = files("nonlin.explore").joinpath("notebook.js").read_text(encoding="utf-8")
        page = traitlets.Unicode("").tag(sync=True)
        address = traitlets.Unicode("").tag(sync=True)
        height = traitlets.Int(900).tag(sync=True)

    network = demonstrated() if model is None else embedded(model, data)
    return Page(page=page(network), address=address, height=height)
