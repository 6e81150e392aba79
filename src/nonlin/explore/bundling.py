"""Puts the page's small modules into one script, so that a browser runs it from a file without a server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nonlin.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bundle"]

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|function) (\w+))", re.MULTILINE)


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """Return one script that runs a module with all that it imports.

    A module becomes a function's body, and what it exports the object that the function returns; its names stay its
    own. Only `import { a, b } from "./c.js";` and `export const` or `export function` are understood.

    Args:
        modules: the text of each by its name, such as "panels/plane.js"; an import's folders do not count.
        entry: the name of the one to run.

    Raises:
        InvalidInputError: a module is missing, two import each other, or an import is of another form.
    """
    by_name = {name.rsplit("/", 1)[-1]: text for name, text in modules.items()}
    done: list[str] = []
    written: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in done:
            return
        if name not in by_name or name in above:
            raise InvalidInputError(
                f"expected modules without a circle, got {' > '.join((*above, name))}; mend the import"
            )
        for match in _IMPORT.finditer(by_name[name]):
            visit(match[2].rsplit("/", 1)[-1], (*above, name))
        done.append(name)
        written.append(_wrapped(name, by_name[name]))

    visit(entry.rsplit("/", 1)[-1], ())
    # "</script" would end the element that holds the script
    return "".join(written).replace("</script", "<\\/script")


def _wrapped(name: str, text: str) -> str:
    exported = [match[1] for match in _EXPORT.finditer(text)]
    body = _IMPORT.sub(lambda m: f"const {{{m[1].replace(' as ', ': ')}}} = {_variable(m[2])};\n", text)
    body = _EXPORT.sub("", body)
    if re.search(r"^(import|export)\b", body, re.MULTILINE):
        raise InvalidInputError(
            f"expected imports and exports by name on a line of their own in {name}; change it"
        )
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name.rsplit("/", 1)[-1].removesuffix(".js"))
