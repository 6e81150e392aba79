import numpy as np
import pytest
import torch
from torch import nn

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.inspection.recording import Batch
from nonlin.inspection.torch import record


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_compiled_model_is_run_through_its_original(run, names):
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    assert names(run(torch.compile(model), torch.randn(3, 4))) == [("1", "relu")]


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_compiled_part_is_run_without_compiling(run, names):
    model = nn.Sequential(torch.compile(nn.Linear(4, 4)), torch.compile(nn.ReLU()))
    assert [label for _, label in names(run(model, torch.randn(3, 4)))] == ["relu"]


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_torchscript_is_refused_with_the_remedy(run):
    scripted = torch.jit.trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.randn(2, 4))
    for model, where in ((scripted, "it is"), (nn.Sequential(nn.ReLU(), scripted), "'1' is")):
        with pytest.raises(
            UnsupportedModelError, match=f"{where} a TorchScript module.*hand over the original"
        ):
            run(model, torch.randn(3, 4))


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torchscript_function_is_named_as_unseen(run, names):
    @torch.jit.script
    def swish(x):
        return x * torch.sigmoid(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 3)

        def forward(self, x):
            return torch.tanh(self.b(swish(self.a(x))))

    recording = run(Net(), torch.randn(3, 4))
    assert names(recording) == [("tanh", "tanh")]
    assert len(recording.unseen) == 1
    assert "in b" in recording.unseen[0]


def test_weights_that_are_not_there(run):
    for model in (nn.LazyLinear(3), nn.Linear(4, 3, device="meta")):
        with pytest.raises(InvalidInputError, match="'weight' without any"):
            run(model, torch.randn(3, 4))


def test_a_wrong_shape_says_which_was_given(run):
    with pytest.raises(
        InvalidInputError, match=r"inputs that Linear takes, got shape \(3, 7\).*mat1 and mat2"
    ) as caught:
        run(nn.Linear(4, 4), torch.randn(3, 7))
    assert isinstance(caught.value.__cause__, RuntimeError)


class OwnError(Exception):
    """No exception that PyTorch would raise."""


@pytest.mark.parametrize(
    "error", [KeyError("hidden"), ZeroDivisionError(), OwnError("mine\nin two lines"), SystemExit(0)]
)
def test_whatever_the_models_own_code_raises_is_one_line(run, error):
    class Raises(nn.Module):
        def forward(self, x):
            raise error

    with pytest.raises(
        InvalidInputError, match=rf"inputs that Raises takes.*{type(error).__name__}"
    ) as caught:
        run(Raises(), torch.randn(3, 4))
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)


def test_what_is_no_model_or_no_data_is_refused():
    with pytest.raises(InvalidInputError, match=r"expected a torch\.nn\.Module, got dict"):
        record({}, [])
    with pytest.raises(InvalidInputError, match="at least one batch"):
        record(nn.Linear(4, 4), [])
    with pytest.raises(InvalidInputError, match="expected numbers in the input 'x', got <U"):
        record(nn.Linear(4, 4), [Batch(inputs={"x": np.array(["a"])}, labels=None, size=1)])
    with pytest.raises(InvalidInputError, match="floating-point tensor, got NoneType"):
        record(type("Silent", (nn.Module,), {"forward": lambda self, x: None})(), [one(np.ones((1, 4)))])


def one(x):
    return Batch(inputs={"x": x}, labels=None, size=len(x))


@pytest.mark.parametrize(
    "x",
    [
        np.ones((2, 4), np.float64),
        np.ones((2, 4), np.float16),
        np.ones((2, 4), ">f4"),
        np.ones((4, 2), np.float32).T,
        np.ones((2, 4), np.float32)[::-1],
        np.broadcast_to(np.float32(1), (2, 4)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_arrays_become_what_the_model_takes(x, dtype):
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).to(dtype)
    assert record(model, [one(x)]).samples == 2


def test_several_inputs_go_by_name():
    class Two(nn.Module):
        def forward(self, *, left, right):
            return torch.relu(left - 2 * right)

    data = Batch(inputs={"right": np.ones((3, 2)), "left": np.zeros((3, 2))}, labels=None, size=3)
    (call,) = record(Two(), [data]).calls
    assert call.statistics.pre_activation.mean.tolist() == [-2, -2]
    with pytest.raises(InvalidInputError, match=r"argument: 'input2'.*several inputs go by name"):
        record(nn.Bilinear(4, 4, 2), [one(np.ones((3, 4), np.float32))])


def test_units_that_change_between_batches_are_refused():
    class Positions(nn.Module):
        def forward(self, x):
            return torch.relu(x)

    with pytest.raises(InvalidInputError, match=r"same number of units of the call 'relu' .* \[4, 5\]"):
        record(Positions(), [one(np.ones((2, 4))), one(np.ones((2, 5)))])
