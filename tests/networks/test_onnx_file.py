"""Damaged and hostile files: one clear line, never a crash, never fewer nodes than there were."""

import pickle

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from nonlin import read
from nonlin.errors import (
    InvalidInputError,
    MissingInputError,
    NonlinError,
    UnsafeModelError,
    UnsupportedModelError,
)

RANDOM = np.random.default_rng(0)


def model_of(weight=None, *, nodes=None, dtype=TensorProto.FLOAT, imports=()):
    weight = RANDOM.standard_normal((3, 4)).astype(np.float32) if weight is None else weight
    nodes = nodes or [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(n, dtype, ["N", m]) for n, m in (("x", 3), ("y", None))]
    tensor = weight if isinstance(weight, onnx.TensorProto) else numpy_helper.from_array(weight, "w")
    graph = helper.make_graph(nodes, "small", values[:1], values[1:], [tensor])
    opsets = [helper.make_opsetid("", 18), *(helper.make_opsetid(name, 1) for name in imports)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="test")


def saved(folder, content, name="model.onnx"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def test_a_whole_file_is_read(tmp_path):
    network = read(saved(tmp_path, model_of()))
    assert [type(n.operator).__name__ for n in network.nodes] == ["Dense", "Activation"]
    assert network.parameters == 12


def test_every_truncation_is_noticed(tmp_path):
    content = model_of().SerializeToString()
    for cut in np.unique(np.linspace(0, len(content) - 1, 200).astype(int)):
        with pytest.raises((InvalidInputError, UnsafeModelError), match=r"expected .*; .*again"):
            read(saved(tmp_path, content[:cut]))


def test_without_its_metadata_alone_a_file_is_still_the_same_network(tmp_path):
    model = model_of()
    whole = len(model.SerializeToString())
    helper.set_model_props(model, {"author": "somebody"})
    content = model.SerializeToString()
    assert len(content) > whole
    for cut in range(whole + 1, len(content)):
        with pytest.raises(InvalidInputError):
            read(saved(tmp_path, content[:cut]))
    assert len(read(saved(tmp_path, content[:whole])).nodes) == 2


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_is_refused_or_read_but_never_crashes(tmp_path, seed):
    content = model_of().SerializeToString()
    random = np.random.default_rng(seed)
    for _ in range(40):
        damaged = bytearray(content)
        for at in random.integers(0, len(content), random.integers(1, 4)):
            damaged[at] = random.integers(0, 256)
        try:
            network = read(saved(tmp_path, bytes(damaged)))
        except NonlinError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most, but not all, are refused
        else:
            assert network.nodes


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"{}", b"\x00" * 1000, b"PK", RANDOM.bytes(5000), "ünïcode".encode()]
)
@pytest.mark.parametrize("name", ["model.onnx", "model.json", "model.txt", "model"])
def test_what_is_no_model_is_refused(tmp_path, content, name):
    with pytest.raises(InvalidInputError, match="expected"):
        read(saved(tmp_path, content, name))


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("content", [Hostile(), {"weights": [1.0, 2.0]}, [Hostile()] * 3])
def test_a_pickle_is_refused_unopened(tmp_path, protocol, content):
    with pytest.raises(UnsafeModelError, match=r"pickle.*could run code"):
        read(saved(tmp_path, pickle.dumps(content, protocol)))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_is_refused_unopened(tmp_path, zipped):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeModelError, match=r"torch\.onnx\.export"):
        read(tmp_path / "model.pt")


def test_other_things_are_refused_by_name(tmp_path):
    with pytest.raises(UnsupportedModelError, match="HDF5"):
        read(saved(tmp_path, b"\x89HDF\r\n\x1a\n" + b"\x00" * 100))
    header = b'{"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    whole = len(header).to_bytes(8, "little") + header + bytes(4)
    with pytest.raises(UnsupportedModelError, match=r"safetensors.*torch\.onnx\.export"):
        read(saved(tmp_path, whole))
    with pytest.raises(UnsupportedModelError, match=r"TensorFlow Lite.*tf2onnx"):
        read(saved(tmp_path, b"\x1c\x00\x00\x00TFL3" + bytes(100)))
    with pytest.raises(UnsupportedModelError, match="GGUF"):
        read(saved(tmp_path, b"GGUF" + bytes(100)))
    with pytest.raises(InvalidInputError, match="folder"):
        read(tmp_path)
    with pytest.raises(MissingInputError, match=r"no .*nothing\.onnx; check the path"):
        read(tmp_path / "nothing.onnx")
    with pytest.raises(InvalidInputError, match=r"path of an ONNX file or \.pt2 program, or a torch"):
        read(42)


def external(folder, **entries):
    """Write a model whose weights lie in another file."""
    tensor = numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    external_data_helper.set_external_data(tensor, **{"location": "w.bin", **entries})
    tensor.ClearField("raw_data")
    return saved(folder, model_of(tensor))


def test_external_weights_beside_the_model_are_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\x00" * 8 + np.arange(12, dtype=np.float32).tobytes())
    network = read(external(tmp_path, offset=8, length=48))
    np.testing.assert_array_equal(network.nodes[0].operator.weight.T.ravel(), np.arange(12))


@pytest.mark.parametrize(
    "location", ["/etc/hostname", "../w.bin", "inner/../../w.bin", "link.bin", "folder/w.bin"]
)
def test_external_weights_elsewhere_are_refused_unread(tmp_path, location):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(b"\x00" * 48)
    (inside / "link.bin").symlink_to(tmp_path / "w.bin")
    (inside / "folder").symlink_to(tmp_path)
    with pytest.raises(UnsafeModelError, match=r"'w' names '.*', outside it"):
        read(external(inside, location=location))


def test_external_weights_that_are_missing_or_short_are_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"weights 'w' of .*w\.bin"):
        read(external(tmp_path))
    (tmp_path / "w.bin").write_bytes(b"\x00" * 40)
    for entries in (
        {},
        {"offset": 100},
        {"offset": 8, "length": 48},
        {"length": 10**15},
        {"offset": 0, "length": 40},
    ):
        with pytest.raises(InvalidInputError, match="weights"):
            read(external(tmp_path, **entries))
    with pytest.raises(NonlinError):
        read(external(tmp_path, offset=-8, length=48))


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("float32", TensorProto.FLOAT), ("float64", TensorProto.DOUBLE), ("float16", TensorProto.FLOAT16)],
)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named_and_counted(tmp_path, dtype, kind, bad):
    weight = np.ones((3, 4), dtype)
    weight[1, 2:] = bad
    with pytest.raises(InvalidInputError, match=r"got 2 NaN or infinite of 12 in 'w'"):
        read(saved(tmp_path, model_of(weight, dtype=kind)))


def test_so_are_those_in_bfloat16_and_in_a_constant(tmp_path):
    tensor = helper.make_tensor("w", TensorProto.BFLOAT16, (3, 4), [1.0] * 10 + [float("nan"), float("-inf")])
    with pytest.raises(InvalidInputError, match="got 2 NaN or infinite of 12 in 'w'"):
        read(saved(tmp_path, model_of(tensor, dtype=TensorProto.BFLOAT16)))
    value = numpy_helper.from_array(np.array([1.0, np.nan, 2.0, 3.0], np.float32), "inner")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Constant", [], ["b"], value=value),
        helper.make_node("Add", ["h", "b"], ["y"]),
    ]
    with pytest.raises(InvalidInputError, match="got 1 NaN or infinite of 4 in 'inner'"):
        read(saved(tmp_path, model_of(nodes=nodes)))


def test_minus_infinity_in_a_mask_is_meant(tmp_path):
    mask = np.where(np.tri(4, dtype=bool), 0, -np.inf).astype(np.float32)
    assert read(saved(tmp_path, model_of(mask[1:]))).nodes


def test_plus_infinity_everywhere_is_no_mask(tmp_path):
    with pytest.raises(InvalidInputError, match="got 12 NaN or infinite of 12 in 'w'"):
        read(saved(tmp_path, model_of(np.full((3, 4), np.inf, np.float32))))


def test_a_graph_without_a_node_is_refused(tmp_path):
    model = model_of()
    del model.graph.node[:]
    with pytest.raises(InvalidInputError):
        read(saved(tmp_path, model))


def test_an_invalid_graph_is_refused_with_the_checkers_reason(tmp_path):
    nodes = [helper.make_node("Relu", ["nowhere"], ["y"])]
    with pytest.raises(InvalidInputError, match=r"ONNX's own checker refuses it.*nowhere"):
        read(saved(tmp_path, model_of(nodes=nodes)))


def test_an_operator_that_is_not_understood_is_named_with_its_node(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
        helper.make_node("Det", ["h"], ["d"], name="strange"),
        helper.make_node("Warp", ["d"], ["y"], name="stranger", domain="com.example"),
    ]
    network = read(saved(tmp_path, model_of(nodes=nodes, imports=["com.example"])))
    assert [(n.name, n.operator.operator) for n in network.opaque] == [
        ("strange", "Det"),
        ("stranger", "com.example.Warp"),
    ]
    custom = [helper.make_node("Relu", ["x"], ["y"], name="looks known", domain="com.example")]
    network = read(saved(tmp_path, model_of(nodes=custom, imports=["com.example"])))
    assert [n.operator.operator for n in network.opaque] == ["com.example.Relu"]


def test_nodes_of_one_name_or_none_get_names_of_their_own(tmp_path):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="act"),
        helper.make_node("MatMul", ["a", "w"], ["h"]),
        helper.make_node("Relu", ["h"], ["b"], name="act"),
        helper.make_node("Relu", ["b"], ["c"], name="act#2"),
        helper.make_node("Tanh", ["c"], ["y"]),
    ]
    names = [n.name for n in read(saved(tmp_path, model_of(nodes=nodes))).nodes]
    assert len(set(names)) == len(names) == 5


def test_sparse_weights_are_refused(tmp_path):
    model = model_of()
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "s_at")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    with pytest.raises(UnsupportedModelError, match="sparse"):
        read(saved(tmp_path, model))
