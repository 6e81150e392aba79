"""Opening an ONNX file that may be damaged or hostile: nothing is executed, nothing outside its folder is read."""

import io
import pickletools
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from nonlin.errors import InvalidInputError, MissingInputError, UnsafeModelError, UnsupportedModelError

__all__ = ["open_onnx", "tensors_of"]

_CHECKER_LIMIT = 2**31 - 1

_PICKLE_LIMIT = 1 << 28

_SHAPELESS = "Field 'shape' of 'type' is required"
"""What the checker says of an output without a declared shape; many exporters write such, and everything runs them."""


def open_onnx(path: Path) -> onnx.ModelProto:
    """Read and check an ONNX file with its weights.

    Args:
        path: the file.

    Returns:
        The model, external weights loaded; they may be NaN or infinite.

    Raises:
        MissingInputError: if there is no such file.
        UnsafeModelError: if it is a pickle, or names external data outside its folder.
        UnsupportedModelError: if it is a model of another format.
        InvalidInputError: if it is not a whole and valid ONNX file.
    """
    _refuse_other_formats(path)
    try:
        # by its content, not by its name: onnx would take model.json for another format
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except (DecodeError, ValueError) as error:
        if _is_pickle(path):
            raise _pickle_error(path) from error
        raise InvalidInputError(
            f"expected an ONNX model in {path}, got {path.stat().st_size} bytes that do not parse as one "
            "(truncated or damaged?); export or download it again"
        ) from error
    _check_types(model, path)
    _load_external_data(model, path)
    try:
        if model.ByteSize() < _CHECKER_LIMIT:
            onnx.checker.check_model(model)
    except (
        onnx.checker.ValidationError,
        UnicodeDecodeError,
    ) as error:  # the latter where a damaged name is quoted
        reason = str(error).strip().splitlines()[0]
        if _SHAPELESS not in reason:
            raise InvalidInputError(
                f"expected a valid ONNX model in {path}, but ONNX's own checker refuses it: {reason}; "
                "export or download it again"
            ) from error
    if model.graph.sparse_initializer:
        raise UnsupportedModelError(
            f"expected dense weights in {path}, got sparse ones, which nonlin does not read; export it with dense ones"
        )
    if not model.graph.node:
        raise InvalidInputError(
            f"expected a network in {path}, got an ONNX graph without a node; export it again"
        )
    _check_whole(model, path)
    return model


def _refuse_other_formats(path: Path) -> None:
    if not path.exists():
        raise MissingInputError(f"expected a model file, but there is no {path}; check the path")
    if not path.is_file():
        raise InvalidInputError(f"expected a model file, got the folder {path}; name the file in it")
    with path.open("rb") as file:
        start = file.read(16)
    head = start[:4]
    pickled = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    if pickled or head == b"PK\x03\x04":
        raise _pickle_error(path)
    if start[8:10] == b'{"' and int.from_bytes(start[:8], "little") < path.stat().st_size:
        raise UnsupportedModelError(
            f"expected a whole network, got {path}, a safetensors file, which holds weights alone; load them into "
            "their model and export that with torch.onnx.export"
        )
    if start[4:8] == b"TFL3":
        raise UnsupportedModelError(
            f"expected an ONNX file, got the TensorFlow Lite file {path}; convert it with python -m tf2onnx.convert "
            f"--tflite {path.name} --output model.onnx"
        )
    if head == b"GGUF":
        raise UnsupportedModelError(
            f"expected a whole network, got {path}, a GGUF file, which holds weights alone; export the model "
            "that they belong to with torch.onnx.export"
        )
    if head == b"\x89HDF":
        raise UnsupportedModelError(
            f"expected an ONNX file, got the HDF5 file {path}; convert it with tf2onnx"
        )


def _pickle_error(path: Path) -> UnsafeModelError:
    return UnsafeModelError(
        f"expected an ONNX file, got {path}, a Python pickle or an archive that may hold one, which could run "
        "code when opened; export the model with torch.onnx.export or torch.export.save (.pt2), or name a "
        "function that builds it: package.module:function"
    )


def _is_pickle(path: Path) -> bool:
    """Whether a file is a pickle of an old protocol, which has no mark at its head; its code is read, never run."""
    with path.open("rb") as file:
        content = io.BytesIO(
            file.read(_PICKLE_LIMIT)
        )  # in memory, where a length that lies allocates nothing
    try:
        return any(code.name == "STOP" for code, _, _ in pickletools.genops(content))
    except (ValueError, IndexError, OverflowError):
        return False


def _load_external_data(model: onnx.ModelProto, path: Path) -> None:
    folder = path.resolve().parent
    named = [tensor for tensor in tensors_of(model.graph) if uses_external_data(tensor)]
    for tensor in named:
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        target = (folder / location).resolve()
        if Path(location).is_absolute() or not target.is_relative_to(folder):
            raise UnsafeModelError(
                f"expected the weights of {path} in its own folder, but '{tensor.name}' names {location!r}, "
                "outside it; save the model with its data beside it"
            )
        if not target.is_file():
            raise MissingInputError(
                f"expected the weights '{tensor.name}' of {path} in {target}, but there is no such file; "
                "put it beside the model"
            )
    if named:
        try:
            load_external_data_for_model(model, str(folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            raise InvalidInputError(f"the external weights of {path} cannot be read: {error}") from error


def _check_types(model: onnx.ModelProto, path: Path) -> None:
    values = (*model.graph.input, *model.graph.output)
    types = {t.data_type for t in tensors_of(model.graph)} | {v.type.tensor_type.elem_type for v in values}
    unknown = types.difference(onnx.TensorProto.DataType.values())
    if unknown:
        raise InvalidInputError(
            f"expected the element types of ONNX in {path}, got number {min(unknown)}, which is none; "
            "export or download it again"
        )


def tensors_of(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """Return every stored tensor of a graph: initializers, constants, and those of its subgraphs."""
    tensors = list(graph.initializer)
    for sparse in graph.sparse_initializer:
        tensors += [sparse.values, sparse.indices]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors] if attribute.HasField("t") else [*attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                tensors += tensors_of(inner)
    return tensors


def _check_whole(model: onnx.ModelProto, path: Path) -> None:
    for tensor in tensors_of(model.graph):
        try:
            numpy_helper.to_array(tensor)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"expected the weights '{tensor.name}' of {path} to be whole, but {error}; export it again"
            ) from error
