"""Finished results for people: in the terminal and as an HTML page."""

from nonlin.report.files import write_whole
from nonlin.report.html import fragment, page, write_html
from nonlin.report.terminal import print_inspection

__all__ = ["fragment", "page", "print_inspection", "write_html", "write_whole"]
