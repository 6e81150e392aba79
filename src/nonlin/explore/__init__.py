"""The page of explanations: drag a weight and see one, two, three ReLU neurons fold a line and a plane."""

from nonlin.explore.exchange import Exploration, load, save
from nonlin.explore.network import embedded
from nonlin.explore.notebook import widget
from nonlin.explore.opening import demonstrated
from nonlin.explore.page import page

__all__ = ["Exploration", "demonstrated", "embedded", "load", "page", "save", "widget"]
