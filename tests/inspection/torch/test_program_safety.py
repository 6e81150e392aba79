"""No file that is offered as a program may run code, wherever in it the code stands."""

import io
import json
import pickle
import zipfile

import pytest
import torch
from torch import nn

from nonlin.errors import InvalidInputError, NonlinError, UnsafeModelError, UnsupportedModelError
from nonlin.networks.programs import open_program


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def trap(tmp_path):
    return tmp_path / "the code has run"


@pytest.fixture
def program(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)
            self.shift = torch.ones(3)

        def forward(self, x):
            return torch.relu(self.fc(x) + self.shift)

    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(Net(), (torch.randn(2, 4),)), path)
    return path


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def write(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def change(path, ending, edit):
    contents = entries(path)
    (name,) = [name for name in contents if name.endswith(ending)]
    data = json.loads(contents[name])
    edit(data)
    contents[name] = json.dumps(data).encode()
    write(path, contents)


def pickled(trap, *, by_torch):
    if not by_torch:
        return pickle.dumps(Malicious(trap))
    buffer = io.BytesIO()
    torch.save({"fc.weight": Malicious(trap)}, buffer)
    return buffer.getvalue()


def test_the_trap_works(trap):
    pickle.loads(pickle.dumps(Malicious(trap))).close()  # noqa: S301 - this is what must not happen below
    assert trap.exists()


def test_the_untouched_program_opens(program):
    assert open_program(program)(torch.zeros(2, 4)).shape == (2, 3)


@pytest.mark.parametrize("by_torch", [False, True])
@pytest.mark.parametrize("suffix", [".pt2", ".pt"])
def test_a_pickle_is_refused(tmp_path, trap, by_torch, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickled(trap, by_torch=by_torch))
    with pytest.raises(UnsafeModelError, match="could run code when opened"):
        open_program(path)
    assert not trap.exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torchscript_archive_is_refused(tmp_path):
    path = tmp_path / "model.pt2"
    torch.jit.trace(nn.ReLU(), torch.ones(2)).save(path)
    with pytest.raises(UnsafeModelError, match="TorchScript"):
        open_program(path)


@pytest.mark.parametrize("by_torch", [False, True])
def test_sample_inputs_are_never_opened(program, trap, by_torch):
    contents = entries(program)
    (name,) = [name for name in contents if "sample_inputs" in name]
    contents[name] = pickled(trap, by_torch=by_torch)
    write(program, contents)
    open_program(program)(torch.zeros(2, 4))
    assert not trap.exists()


@pytest.mark.parametrize("by_torch", [False, True])
@pytest.mark.parametrize("kind", ["weights", "constants"])
def test_a_pickled_weight_or_constant_is_refused(program, trap, kind, by_torch):
    def mark(config):
        for payload in config["config"].values():
            payload["use_pickle"] = True

    change(program, f"model_{kind}_config.json", mark)
    contents = entries(program)
    for name in contents:
        if name.rsplit("/", 1)[-1].startswith(("weight_", "tensor_")) and f"/{kind}/" in name:
            contents[name] = pickled(trap, by_torch=by_torch)
    write(program, contents)
    with pytest.raises(UnsafeModelError, match="is a pickled object"):
        open_program(program)
    assert not trap.exists()


@pytest.mark.parametrize("by_torch", [False, True])
@pytest.mark.parametrize("prefix", ["custom_obj_", "opaque_obj_"])
def test_a_custom_object_is_refused(program, trap, prefix, by_torch):
    def add(config):
        payload = {"path_name": f"{prefix}0", "is_param": False, "use_pickle": False, "tensor_meta": None}
        config["config"]["object"] = payload

    change(program, "model_constants_config.json", add)
    contents = entries(program)
    contents[f"model/data/constants/{prefix}0"] = pickled(trap, by_torch=by_torch)
    write(program, contents)
    with pytest.raises(UnsafeModelError, match="'object' is a pickled object"):
        open_program(program)
    assert not trap.exists()


@pytest.mark.parametrize("by_torch", [False, True])
@pytest.mark.parametrize("kind", ["weights", "constants"])
def test_the_pickles_of_older_archives_are_opened_without_running_anything(program, trap, kind, by_torch):
    contents = entries(program)
    contents[f"model/data/{kind}/model.pt"] = pickled(trap, by_torch=by_torch)
    write(program, contents)
    with pytest.raises(UnsafeModelError, match="holds more than tensors"):
        open_program(program)
    assert not trap.exists()


def test_plain_tensors_of_older_archives_are_read(program):
    contents = entries(program)
    buffer = io.BytesIO()
    torch.save({"fc.weight": torch.ones(3, 4), "fc.bias": torch.zeros(3)}, buffer)
    contents["model/data/weights/model.pt"] = buffer.getvalue()
    write(program, contents)
    assert open_program(program)(torch.ones(1, 4)).tolist() == [[5, 5, 5]]


def test_the_oldest_archives_are_refused(tmp_path, trap):
    path = tmp_path / "model.pt2"
    parts = ("serialized_exported_program.json", "version")
    pickles = ("serialized_state_dict.pt", "serialized_constants.pt", "serialized_example_inputs.pt")
    write(path, dict.fromkeys(parts, b"{}") | dict.fromkeys(pickles, pickled(trap, by_torch=True)))
    with pytest.raises(UnsupportedModelError, match=r"save the program again with torch\.export\.save"):
        open_program(path)
    assert not trap.exists()


INJECTIONS = {
    "an expression of a size": lambda program, code: program["graph_module"]["graph"][
        "sym_int_values"
    ].update(s0={"as_expr": {"expr_str": code, "hint": None}}),
    "the size of a tensor": lambda program, code: [
        value.update(sizes=[{"as_expr": {"expr_str": code, "hint": None}}])
        for value in program["graph_module"]["graph"]["tensor_values"].values()
    ],
    "a range": lambda program, code: program["range_constraints"].update(
        {code: {"min_val": 1, "max_val": 2}}
    ),
    "a guard": lambda program, code: program["guards_code"].append(code),
    "a verifier": lambda program, code: program["verifiers"].append(code),
    "metadata": lambda program, code: [
        node["metadata"].update(source_fn_stack=code, stack_trace=code, torch_fn=code, custom=code)
        for node in program["graph_module"]["graph"]["nodes"]
    ],
}


@pytest.mark.parametrize("where", INJECTIONS)
def test_what_pytorch_would_evaluate_is_never_looked_at(program, trap, where):
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    change(program, "models/model.json", lambda data: INJECTIONS[where](data, code))
    open_program(program)(torch.zeros(2, 4))
    assert not trap.exists()


def rename(data, old, new):
    """Rename a value everywhere, also in keys."""
    if isinstance(data, dict):
        return {new if k == old else k: rename(v, old, new) for k, v in data.items()}
    if isinstance(data, list):
        return [rename(entry, old, new) for entry in data]
    return new if data == old else data


@pytest.mark.parametrize("name", ["x", "relu", "p_fc_weight", "fc.weight"])
def test_a_name_is_never_a_piece_of_source(program, trap, name):
    code = f"x):\n    __import__('pathlib').Path({str(trap)!r}).touch()\n    return (x"
    contents = {
        key: json.dumps(rename(json.loads(value), name, code)).encode() if key.endswith(".json") else value
        for key, value in entries(program).items()
    }
    write(program, contents)
    try:
        open_program(program)(torch.zeros(2, 4))
    except InvalidInputError as error:
        assert "name of a module or a weight" in str(error)  # noqa: PT017 - not every name is refused
    assert not trap.exists()


TARGETS = [
    "torch.os.system",
    "torch.hub.load",
    "torch.load",
    "torch.ops.aten.relu.__class__",
    "torch.ops.load_library",
    "torch.ops.higher_order.call_torchbind",
    "_operator.methodcaller",
    "_operator.attrgetter",
    "math.__loader__.load_module",
    "#namespace:operator",
    "builtins.exec",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_is_no_operator_of_aten_is_refused(program, target):
    def retarget(data):
        data["graph_module"]["graph"]["nodes"][-1]["target"] = target

    change(program, "models/model.json", retarget)
    with pytest.raises(UnsupportedModelError, match="expected operators of ATen"):
        open_program(program)


def test_an_operator_of_aten_that_opens_files_is_refused(program, trap):
    def retarget(data):
        node = data["graph_module"]["graph"]["nodes"][-1]
        node["target"] = "torch.ops.aten.from_file.default"
        node["inputs"] = [
            {"name": "filename", "arg": {"as_string": str(trap)}, "kind": 1},
            {"name": "shared", "arg": {"as_bool": True}, "kind": 1},
            {"name": "size", "arg": {"as_int": 64}, "kind": 1},
        ]

    change(program, "models/model.json", retarget)
    with pytest.raises(UnsafeModelError, match="takes the text 'filename' and may reach files"):
        open_program(program)
    assert not trap.exists()


def test_no_operator_of_aten_that_takes_a_file_name_is_let_in():
    """Every operator that PyTorch has, not only the one that is known."""
    from nonlin.networks.programs.graph import _operator

    suspicious = 0
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, name = schema.name.partition("::")
        words = {argument.name for argument in schema.arguments if "str" in str(argument.type)}
        if namespace != "aten" or not any("file" in word or "path" in word for word in words):
            continue
        suspicious += 1
        target = f"torch.ops.aten.{name}.{schema.overload_name or 'default'}"
        with pytest.raises(NonlinError):
            _operator(target, {"name": "node"})
    assert suspicious >= 1


@pytest.mark.parametrize(
    "edit",
    [
        lambda meta: meta.update(sizes=[{"as_int": 10**9}, {"as_int": 4}]),
        lambda meta: meta.update(storage_offset={"as_int": 10**6}),
        lambda meta: meta.update(strides=[{"as_int": -1}, {"as_int": 1}]),
        lambda meta: meta.update(sizes=[{"as_expr": {"expr_str": "1"}}]),
        lambda meta: meta.update(dtype="float32"),
    ],
)
def test_a_weight_cannot_reach_beyond_its_bytes(program, edit):
    change(
        program, "model_weights_config.json", lambda data: edit(data["config"]["fc.weight"]["tensor_meta"])
    )
    with pytest.raises((InvalidInputError, UnsupportedModelError)):
        open_program(program)


def test_a_compressed_entry_is_refused(program):
    contents = entries(program)
    with zipfile.ZipFile(program, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    with pytest.raises(InvalidInputError, match="compressed"):
        open_program(program)
