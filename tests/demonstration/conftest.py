"""What the demonstration's README states, and the script that trained it."""

import re
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "train_demonstration.py"


@pytest.fixture(scope="session")
def readme():
    return files("nonlin.demonstration").joinpath("README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def stated(readme):
    """The table of faults: for each column, the counts "images right", "dead in relu1" and so on."""
    heading = next(line for line in readme.splitlines() if line.startswith("| | "))
    columns = [cell.strip() for cell in heading.split("|")[2:-1]]
    rows = re.findall(r"^\| ((?:images right|dead in).*?) \| (.*) \|$", readme, flags=re.MULTILINE)
    assert len(rows) == 5, "the README's table has one row for the accuracy and one for each of four layers"
    return {
        column: {
            name.replace("`", ""): tuple(map(int, cells.split(" | ")[i].split(" of ")))
            for name, cells in rows
        }
        for i, column in enumerate(columns)
    }


@pytest.fixture(scope="session")
def script():
    specification = spec_from_file_location("train_demonstration", SCRIPT)
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
