"""Finished results for people and programs: in the terminal, as an HTML page, as SARIF."""

from nonlin.files import check_writable, write_whole
from nonlin.report.cure import cure_fragment, cure_page, cure_text, print_cure, write_cure
from nonlin.report.html import fragment, page, write_html
from nonlin.report.sarif import sarif
from nonlin.report.terminal import print_changes, print_inspection

__all__ = [
    "check_writable",
    "cure_fragment",
    "cure_page",
    "cure_text",
    "fragment",
    "page",
    "print_changes",
    "print_cure",
    "print_inspection",
    "sarif",
    "write_cure",
    "write_html",
    "write_whole",
]
