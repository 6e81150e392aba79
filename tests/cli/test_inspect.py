"""The command as a user runs it: in a process of its own."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from nonlin import demonstration

RUN = [sys.executable, "-W", "error", "-m", "nonlin"]


def nonlin(*arguments, cwd=None):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)


def refused(result, *words):
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.strip().splitlines()
    for word in words:
        assert str(word) in line, line


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "data.npy", np.random.default_rng(0).standard_normal((40, 64)).astype(np.float32))
    return tmp_path / "data.npy"


def test_without_arguments_it_shows_the_demonstration():
    result = nonlin("inspect")
    assert result.returncode == 1
    assert "31 of 64 units" in result.stdout
    assert "46 times into 47 linear pieces (certified)" in " ".join(result.stdout.split())
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(("level", "code"), [("note", 1), ("warning", 1), ("error", 0), ("never", 0)])
def test_the_exit_code_is_that_of_fail_on(level, code):
    assert nonlin("inspect", "--fail-on", level).returncode == code


def test_json_is_the_same_in_a_pipe_and_in_a_file(tmp_path):
    piped = json.loads(nonlin("inspect", "--format", "json").stdout)
    result = nonlin("inspect", "--output", tmp_path / "report.json")
    assert result.stdout == ""
    assert json.loads((tmp_path / "report.json").read_text()) == piped
    assert [call["dead"] for call in piped["calls"]] == [31, 3, 7, 4]
    assert piped["folds"]["pieces"] == 47
    assert all(
        {"kind", "call", "figure", "threshold", "samples", "message", "advice"} <= f.keys()
        for f in piped["findings"]
    )


def test_the_page_is_written_whole(tmp_path):
    result = nonlin("inspect", "--output", tmp_path / "report.html", "--fail-on", "never")
    assert result.returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_a_model_and_data_of_ones_own(tmp_path):
    arrays = np.load(demonstration.data_path())
    np.save(tmp_path / "images.npy", arrays["images"])
    np.savetxt(tmp_path / "labels.csv", arrays["labels"], fmt="%d")
    np.savetxt(tmp_path / "images.csv", arrays["images"], delimiter=",", fmt="%g")
    for name in ("images.npy", "images.csv"):
        result = nonlin(
            "inspect",
            demonstration.model_path(),
            "--data",
            tmp_path / name,
            "--labels",
            tmp_path / "labels.csv",
        )
        assert "accuracy 94.8%" in result.stdout, result.stderr


def test_a_function_makes_model_and_data(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "def model():\n"
        "    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))\n"
        "def data():\n"
        "    return [(torch.randn(16, 4), torch.arange(16) % 2) for _ in range(3)]\n"
        "def broken():\n"
        "    raise KeyError('no such thing')\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "nonlin", "inspect", "mine:model", "--data", "mine:data", "--format", "json"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert (found["samples"], found["gradient_of"]) == (48, "the cross-entropy loss")
    assert [call["function"] for call in found["calls"]] == ["relu"]
    assert found["folds"]["pieces"] >= 1
    refused(nonlin("inspect", "mine:broken", "--data", "mine:data", cwd=tmp_path), "mine:broken", "KeyError")
    refused(nonlin("inspect", "mine:nothing", "--data", "mine:data", cwd=tmp_path), "mine:nothing")
    (tmp_path / "made.py").write_text("import mine\nnetwork = mine.model()\n")
    refused(
        nonlin("inspect", "made:network", "--data", "mine:data", cwd=tmp_path),
        "got",
        "def make(): return network",
    )


def test_a_fault_of_the_programs_own_is_not_taken_for_findings(tmp_path):
    (tmp_path / "fault.py").write_text(
        "import sys\n"
        "from nonlin.cli import inspect, main\n"
        "def fails(**_): raise {error}\n"
        "inspect.inspect.callback = fails\n"
        "main(['inspect'])\n"
    )
    source = (tmp_path / "fault.py").read_text()
    for error, code in (("KeyError('x')", 70), ("MemoryError()", 2)):
        (tmp_path / "fault.py").write_text(source.replace("{error}", error))
        result = subprocess.run(
            [sys.executable, tmp_path / "fault.py"], capture_output=True, text=True, check=False
        )
        assert result.returncode == code, result.stderr
        assert ("Traceback" in result.stderr) == (code == 70)


def test_an_older_report_is_compared(tmp_path):
    nonlin("inspect", "--output", tmp_path / "old.json")
    assert "nothing has changed" in nonlin("inspect", "--compare", tmp_path / "old.json").stdout
    report = json.loads((tmp_path / "old.json").read_text())
    report["calls"][0]["dead"] = 20
    (tmp_path / "old.json").write_text(json.dumps(report))
    assert "relu1: dead 20 → 31" in nonlin("inspect", "--compare", tmp_path / "old.json").stdout
    refused(nonlin("inspect", "--compare", tmp_path / "no.json"), "there is no")


@pytest.fixture
def odd(tmp_path):
    """Modules whose functions go wrong in every way that a user's own code may."""
    (tmp_path / "odd.py").write_text(
        "import sys\n"
        "import numpy as np\n"
        "def leaves(): sys.exit()\n"
        "def long_message(): raise RuntimeError('first\\nsecond')\n"
        "def nothing(): return None\n"
        "def number(): return np.array(3.0)\n"
        "def empty(): return {}\n"
        "def talks():\n"
        "    print('talk')\n"
        "    return np.ones((40, 64), 'f')\n"
        "def breaks():\n"
        "    yield np.ones((4, 64), 'f')\n"
        "    raise OSError('disk gone')\n"
    )
    (tmp_path / "unfinished.py").write_text("undefined\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    (tmp_path / "leaving.py").write_text("raise SystemExit\n")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("unfinished:f", ("cannot be imported", "NameError", "mend the module unfinished")),
        ("wrong:f", ("cannot be imported", "SyntaxError")),
        ("leaving:f", ("cannot be imported", "SystemExit")),
        ("odd:leaves", ("failed to make the data", "SystemExit")),
        ("odd:long_message", ("RuntimeError: first second",)),
        ("odd:nothing", ("NoneType",)),
        ("odd:number", ("at least one sample",)),
        ("odd:empty", ("at least one sample",)),
        ("odd:breaks", ("odd:breaks failed to make the data", "disk gone")),
    ],
)
def test_functions_that_fail_are_named_in_a_line(odd, word, words):
    refused(nonlin("inspect", demonstration.model_path(), "--data", word, cwd=odd), *words)


def test_a_model_that_leaves_does_not_end_the_program_as_if_all_were_well(tmp_path):
    (tmp_path / "leaving.py").write_text(
        "import sys\nimport torch\nclass Leaving(torch.nn.Module):\n    def forward(self, x): sys.exit(0)\n"
    )
    np.save(tmp_path / "x.npy", np.ones((40, 4), np.float32))
    words = ("leaving:Leaving", "--data", "x.npy")
    refused(nonlin("inspect", *words, cwd=tmp_path), "inputs that Leaving takes", "SystemExit: 0")
    refused(
        nonlin("fold", *words, "--line", "0", "1", cwd=tmp_path),
        "SystemExit(0) from forward",
        "leaving.py, line 4",
    )


def test_what_a_users_function_prints_is_not_in_the_report(odd):
    result = nonlin("inspect", demonstration.model_path(), "--data", "odd:talks", "--format", "json", cwd=odd)
    assert json.loads(result.stdout)["samples"] == 40
    assert result.stderr == "talk\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_the_signs_gets_a_report(encoding):
    result = subprocess.run(
        [*RUN, "inspect"], capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": encoding}
    )
    assert result.returncode == 1
    assert result.stderr == b""
    assert "31 of 64 units" in result.stdout.decode(encoding)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is full, as Linux has it")
def test_a_full_disk_is_said_in_a_line():
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*RUN, "inspect"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    refused(result, "No space left")


@pytest.mark.filterwarnings("ignore")
def test_a_healthy_program_has_exit_code_0(tmp_path):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).eval()
    program = torch.export.export(
        module, (torch.zeros(2, 4),), dynamic_shapes=({0: torch.export.Dim("n")},), strict=True
    )
    torch.export.save(program, tmp_path / "model.pt2")
    np.save(tmp_path / "data.npy", np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32))
    result = subprocess.run(
        [sys.executable, "-m", "nonlin", "inspect", tmp_path / "model.pt2", "--data", tmp_path / "data.npy"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("model.pt2 ")
    assert "Verdict  healthy" in result.stdout
    assert "tanh" in result.stdout


def test_wrong_use_is_refused_in_one_line(data, tmp_path):
    model = demonstration.model_path()
    refused(nonlin("inspect", "missing.onnx", "--data", data), "there is no missing.onnx")
    refused(nonlin("inspect", model), "--data")
    refused(nonlin("inspect", "--data", data), "name the model")
    refused(nonlin("inspect", model, "--data", tmp_path / "no.npy"), "there is no")
    refused(nonlin("inspect", model, "--data", data, "--output", tmp_path / "no" / "a.html"), "make it first")
    refused(
        nonlin("inspect", model, "--data", data, "--output", tmp_path / "a.pdf"),
        ".html, .json, .sarif or .txt",
    )


def test_wrong_data_is_refused_in_one_line(tmp_path):
    model = demonstration.model_path()

    def save(array):
        np.save(tmp_path / "bad.npy", array)
        return tmp_path / "bad.npy"

    refused(nonlin("inspect", model, "--data", save(np.ones((5, 63), "f"))), "(samples, 64)", "(5, 63)")
    refused(nonlin("inspect", model, "--data", save(np.ones((5, 8, 8), "f"))), "data.reshape(-1, 64)")
    refused(nonlin("inspect", model, "--data", save(np.ones((0, 64), "f"))), "at least one sample")
    holes = np.ones((5, 64), "f")
    holes[2, 3] = np.nan
    refused(nonlin("inspect", model, "--data", save(holes)), "1 NaN and 0 infinite of 320", "[2, 3]")
    good = save(np.ones((5, 64), "f"))
    np.save(tmp_path / "labels.npy", np.array([0, 1, 2, 3, 10]))
    refused(
        nonlin("inspect", model, "--data", good, "--labels", tmp_path / "labels.npy"),
        "labels from 0 to 9",
        "10",
    )


def test_wrong_models_are_refused_in_one_line(data, tmp_path):
    whole = demonstration.model_path().read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "text.onnx").write_text("a network")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    (tmp_path / "pickled.onnx").write_bytes(pickle.dumps({"weights": [1.0]}))
    for name in ("cut.onnx", "empty.onnx", "text.onnx"):
        refused(nonlin("inspect", tmp_path / name, "--data", data), name)
    for name in ("model.pkl", "pickled.onnx"):
        refused(nonlin("inspect", tmp_path / name, "--data", data), "pickle", "could run code")

    model = onnx.load(demonstration.model_path())
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights.flat[:2] = np.nan, np.inf
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, model.graph.initializer[0].name))
    onnx.save(model, tmp_path / "nan.onnx")
    for name in ("predict", "simplify"):
        refused(nonlin(name, tmp_path / "nan.onnx"), "2 NaN or infinite", weights.size)
    diagnosed = nonlin("inspect", tmp_path / "nan.onnx", "--data", data)
    assert diagnosed.returncode == 1, diagnosed.stderr
    assert f"1 NaN and 1 infinite of {weights.size:,} weights" in diagnosed.stdout
    assert "relu1: " in diagnosed.stdout


def test_an_operator_that_nothing_runs_is_named(data, tmp_path):
    node = helper.make_node("Frobnicate", ["x"], ["y"], name="odd", domain="example.com")
    graph = helper.make_graph(
        [node], "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("example.com", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "odd.onnx")
    refused(nonlin("inspect", tmp_path / "odd.onnx", "--data", data), "Frobnicate", "odd")


def test_external_data_outside_the_folder_is_refused(data, tmp_path):
    model = onnx.load(demonstration.model_path())
    (tmp_path / "secret").write_bytes(bytes(64 * 64 * 4))
    inner = tmp_path / "inner"
    inner.mkdir()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    (inner / "model.onnx").write_bytes(model.SerializeToString())
    refused(nonlin("inspect", inner / "model.onnx", "--data", data), "../secret", "outside")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupt_leaves_no_report(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "import numpy as np\n"
        "def data():\n"
        "    for _ in range(1000):\n"
        "        open('started', 'w').close()\n"
        "        time.sleep(0.05)\n"
        "        yield np.ones((4, 64), 'f')\n"
    )
    process = subprocess.Popen(
        [*RUN, "inspect", str(demonstration.model_path()), "--data", "slow:data", "--output", "report.html"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        # a shell's background job, which these tests may be, ignores the signal, and its children with it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )  # fmt: skip
    while not (tmp_path / "started").exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)  # until it is in the middle of the recording
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; nothing was written" in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("*report*"))


def test_an_interrupt_inside_an_exec_ends_as_any_other(tmp_path):
    (tmp_path / "slow.py").write_text("def data():\n    exec('raise KeyboardInterrupt')\n    yield\n")
    result = nonlin("inspect", demonstration.model_path(), "--data", "slow:data", cwd=tmp_path)
    assert result.returncode == 130
    assert "interrupted; nothing was written" in result.stderr


def test_the_import_is_light():
    code = (
        "import sys, nonlin; heavy = 'torch', 'matplotlib', 'onnxruntime', 'jax', 'onnx', 'numba', 'scipy';"
        "print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_targets_of_a_regression_and_a_prediction_are_asked_for(data, tmp_path):
    np.save(tmp_path / "targets.npy", np.random.default_rng(1).standard_normal((40, 10)).astype(np.float32))
    model = demonstration.model_path()
    words = ("inspect", model, "--data", data, "--labels", tmp_path / "targets.npy")
    result = nonlin(*words, "--loss", "mse", "--predict")
    assert "of the mean squared error" in result.stdout
    assert "Predicted  from the weights" in result.stdout
    refused(nonlin(*words), 'loss="mse"')
