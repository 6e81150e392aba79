"""The C++ extension: what the node in Python computes, bit for bit; what is not plain memory is left to that one."""

import gc
import shutil
import subprocess
import sys
import warnings

import pytest
import torch
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint
from torch.utils.cpp_extension import get_cxx_compiler

import nonlin
from nonlin.errors import MissingDependencyError
from nonlin.functions import torch_extension, torch_lowering
from nonlin.functions.kinks import breakpoints

pytestmark = pytest.mark.skipif(
    shutil.which(get_cxx_compiler()) is None, reason="there is no C++ compiler on this machine"
)

CASES = [("hardswish", True), ("tanh", False)]
"""Functions and whether fast; the slope of the first is computed again backward, that of the second is kept."""

# the loops of the first are compiled by other tests, too; those of the others take minutes where no cache holds them
MODES = [
    pytest.param(torch.float32, False, id="float32"),
    *(
        pytest.param(
            dtype, fast, marks=pytest.mark.campaign, id=f"{str(dtype)[6:]}-{'fast' if fast else 'accurate'}"
        )
        for dtype, fast in ((torch.float32, True), (torch.float64, False), (torch.float64, True))
    ),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the library, built into a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NONLIN_CACHE", str(tmp_path_factory.mktemp("extension")))
        path = nonlin.build_extension()
        module = torch_extension.extension()
    torch_extension.extension.cache_clear()
    assert path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    return path, module


def forms(built, name, fast, dtypes=(torch.float32, torch.float64)):
    """Return a function by the node in C++ and by the one in Python."""
    expression = nonlin.function(name).expression
    with pytest.MonkeyPatch.context() as patch:
        made = []
        for module in (built[1], None):
            torch_lowering.lowered.cache_clear()
            patch.setattr(torch_lowering, "extension", lambda module=module: module)
            made.append(torch_lowering.lowered(expression, fast))
    torch_lowering.lowered.cache_clear()
    for form in made:  # what is called first compiles, on Python's way
        for dtype in dtypes:
            x = torch.randn(3, dtype=dtype, requires_grad=True)
            form(x).backward(torch.ones(3, dtype=dtype))
    return made


@pytest.fixture(params=CASES, ids=lambda case: case[0])
def pair(built, request):
    return forms(built, *request.param)


def points(dtype=torch.float32):
    special = torch.tensor(
        [0.0, -0.0, 1.0, -3.0, 3.0, float("inf"), -float("inf"), float("nan"), 1e38, -1e-40]
    )
    values = torch.cat([special, torch.linspace(-8, 8, 1001)]).to(dtype)
    return values.requires_grad_()


def is_in_cpp(result):
    return type(result.grad_fn).__name__ == "CppFunction"


def same(ours, theirs):
    return torch.equal(ours.isnan(), theirs.isnan()) and torch.equal(ours.nan_to_num(), theirs.nan_to_num())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_values_and_gradients_are_those_of_the_node_in_python(pair, dtype):
    gradient = torch.randn(1011, dtype=dtype)
    found = []
    for form, here in zip(pair, (True, False), strict=True):
        x = points(dtype)
        y = form(x)
        assert is_in_cpp(y) is here
        y.backward(gradient)
        found.append((y.detach(), x.grad))
    assert same(found[0][0], found[1][0])
    assert same(found[0][1], found[1][1])
    assert torch.equal(torch.signbit(found[0][0]), torch.signbit(found[1][0]))
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            assert same(pair[0](x), pair[1](x))


def extremes(expression, dtype):
    """Return NaN, infinities, zeros, subnormals, the type's ends, each kink with its neighbours, ordinary numbers."""
    kinds = torch.finfo(dtype)
    sizes = [
        0.0,
        kinds.smallest_normal * kinds.eps,
        kinds.smallest_normal / 3,
        kinds.tiny,
        kinds.eps,
        kinds.max,
    ]
    special = torch.tensor([*sizes, float("inf")], dtype=dtype)
    kinks = torch.tensor(breakpoints(expression), dtype=dtype)
    beside = [torch.nextafter(kinks, torch.full_like(kinks, side)) for side in (-float("inf"), float("inf"))]
    ordinary = torch.cat([torch.linspace(-9, 9, 301), torch.logspace(-6, 4, 61), -torch.logspace(-6, 4, 61)])
    lost = torch.full((1,), float("nan"), dtype=dtype)
    return torch.cat([special, -special, lost, kinks, *beside, ordinary.to(dtype)])


def bits(tensor):
    """Return the bits of numbers, those of every NaN alike."""
    return torch.where(tensor.isnan(), float("nan"), tensor).view(
        torch.int32 if tensor.dtype == torch.float32 else torch.int64
    )


@pytest.mark.parametrize(("dtype", "fast"), MODES)
@pytest.mark.parametrize("name", [f.name for f in nonlin.functions() if not f.vector])
def test_every_function_of_the_catalogue_is_the_one_in_python_bit_for_bit(built, name, dtype, fast):
    expression = nonlin.function(name).expression
    pair = forms(built, name, fast, (dtype,))
    handed_over = expression in torch_lowering._handed_over(fast)
    x = extremes(expression, dtype)
    gradient = torch.linspace(-3, 2, len(x), dtype=dtype)
    found = []
    for form, here in zip(pair, (True, False), strict=True):
        given = x.clone().requires_grad_()
        y = form(given)
        assert is_in_cpp(y) is (here and not handed_over)
        y.backward(gradient)
        found.append((y.detach(), given.grad, form(x)))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(bits(ours), bits(theirs))


def test_the_comparison_of_bits_can_fail():
    zeros = torch.zeros(2)
    assert not torch.equal(bits(zeros), bits(-zeros))
    assert not torch.equal(bits(torch.tensor([1e-45])), bits(torch.tensor([0.0])))
    assert not torch.equal(bits(torch.tensor([float("inf")])), bits(torch.tensor([torch.finfo().max])))
    assert torch.equal(bits(torch.tensor([float("nan")])), bits(-torch.tensor([float("nan")])))


def test_a_gradient_of_any_kind_is_taken(pair):
    """One that is expanded, of other strides, of another type, or kept for a second time."""
    gradients = [torch.ones(1).expand(40, 25), torch.randn(25, 40).t(), torch.randn(40, 25)]
    x = torch.randn(40, 25, requires_grad=True)
    wanted, found = ([], [])
    for form, results in zip(pair, (found, wanted), strict=True):
        y = form(x)
        for gradient in gradients:
            results.append(torch.autograd.grad(y, x, gradient, retain_graph=True)[0])
        results.append(torch.autograd.grad(y, x, torch.stack(gradients), is_grads_batched=True)[0])
        with pytest.raises(RuntimeError, match="second time"):
            (y.backward(gradients[0]), y.backward(gradients[0]))
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-6, atol=0)


def test_derivatives_of_derivatives(pair):
    x = torch.randn(20, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pair[0], x)
    assert torch.autograd.gradgradcheck(pair[0], x)


def test_what_is_not_plain_memory_goes_to_python(pair):
    ours, theirs = pair
    x = torch.randn(6, 4)
    odd = [
        x.t(),
        x.half(),
        x.bfloat16(),
        x.int(),
        x[:, ::2],
        torch.nn.Parameter(x),
        x.to(torch.complex64).conj().imag,
    ]
    for given in odd:
        assert torch.equal(ours(given), theirs(given))
        assert ours(given).dtype == theirs(given).dtype
    assert ours(x.to("meta")).is_meta
    with pytest.raises(nonlin.errors.InvalidInputError, match="real numbers"):
        ours(x.to(torch.complex64))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, in its forward mode
def test_transformations_modes_and_hooks_see_the_function(pair):
    ours, theirs = pair
    x = torch.randn(5, requires_grad=True)
    each = torch.func.vmap(torch.func.grad(lambda u: ours(u).sum()))(x.detach())
    assert torch.allclose(each, torch.func.vmap(torch.func.grad(lambda u: theirs(u).sum()))(x.detach()))
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(ours(forward_ad.make_dual(x.detach(), torch.ones(5)))).tangent
    assert torch.allclose(tangent, each)

    seen = []

    class Recorder(TorchFunctionMode):
        def __torch_function__(self, function, types, arguments=(), keywords=None):
            seen.append(function)
            return function(*arguments, **(keywords or {}))

    with Recorder():
        ours(x)
    assert torch_lowering.apply_tensor in seen

    packed = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
        ours(x).sum().backward()
    assert len(packed) == 1
    (gradient,) = torch.autograd.grad(checkpoint(ours, x, use_reentrant=False).sum(), x)
    assert torch.equal(gradient, x.grad)


def test_a_graph_is_compiled_with_it(pair):
    x = torch.randn(8, requires_grad=True)
    torch._dynamo.reset()
    y = torch.compile(lambda u: pair[0](u) * 2, backend="aot_eager", fullgraph=True)(x)
    with torch.no_grad():  # where the value is computed alone, too
        assert torch.equal(y, pair[1](x) * 2)


def test_a_change_in_place_is_noticed_as_with_the_node_in_python(pair):
    outcomes = []
    for form in pair:
        x = torch.randn(4, requires_grad=True)
        u = x * 1
        y = form(u)
        u.add_(1)
        try:
            y.sum().backward()
            outcomes.append(x.grad is not None)
        except RuntimeError as error:
            outcomes.append("modified by an inplace operation" in str(error))
    assert outcomes[0] == outcomes[1]


def test_a_node_outlives_its_function(built):
    form = forms(built, "hardswish", fast=True)[0]
    x = torch.randn(9, requires_grad=True)
    y = form(x)
    assert is_in_cpp(y)
    del form
    gc.collect()
    y.sum().backward()
    assert x.grad is not None


def test_a_process_that_starts_later_uses_it(built):
    script = (
        "import torch, nonlin; f = nonlin.function('hardswish'); x = torch.randn(9, requires_grad=True);"
        "f(x, fast=True); print(type(f(x, fast=True).grad_fn).__name__)"
    )
    environment = {"NONLIN_CACHE": str(built[0].parent), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "CppFunction"


def test_the_command_says_where_it_is_and_builds_it_once(built):
    changed = built[0].stat().st_mtime_ns
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "nonlin", "extension"],
        env={"NONLIN_CACHE": str(built[0].parent), "PATH": ""},  # without a compiler
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"the extension is in {built[0]}\n"
    assert built[0].stat().st_mtime_ns == changed


def test_without_a_compiler_it_says_so_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("NONLIN_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        MissingDependencyError, match=r"expected a C\+\+ compiler and ninja, got .*no-such-compiler"
    ):
        nonlin.build_extension()
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_cannot_be_loaded_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setenv("NONLIN_CACHE", str(tmp_path))
    torch_extension._path().write_bytes(b"no library")
    torch_extension.extension.cache_clear()
    with pytest.warns(UserWarning, match="cannot be loaded"):
        assert torch_extension.extension() is None
    torch_extension.extension.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setenv("NONLIN_CACHE", str(tmp_path / "other"))
        assert torch_extension.extension() is None
    torch_extension.extension.cache_clear()
