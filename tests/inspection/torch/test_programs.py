import numpy as np
import pytest
import torch
from torch import nn

import nonlin
from nonlin.errors import InvalidInputError, MissingInputError, UnsupportedModelError
from nonlin.networks.programs import open_program

pytestmark = [
    pytest.mark.filterwarnings("ignore:The tensor attributes .* were assigned during export"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.act = nn.Linear(6, 6), nn.ReLU()

    def forward(self, x):
        return torch.nn.functional.gelu(self.fc(self.act(x))) + self.act(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.out = nn.Linear(5, 3)
        self.register_buffer("scale", torch.arange(1.0, 4.0))
        self.shift = torch.ones(3)

    def forward(self, x, factor=None):
        hidden, _ = self.lstm(self.block(x))
        hidden = hidden[:, -1].reshape(x.shape[0], -1)
        with torch.no_grad():
            offset = torch.tanh(hidden[:, :1]) if factor is None else factor
        return {"logits": self.out(hidden) * self.scale + self.shift + offset, "hidden": hidden}


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Hardswish(), nn.AvgPool2d(2))
        self.mixed = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True, dropout=0.3)
        self.drop, self.out = nn.Dropout(0.5), nn.Linear(8, 4)

    def forward(self, x):
        x = self.mixed(self.body(x).flatten(2).transpose(1, 2))
        return self.out(self.drop(torch.einsum("btc,c->btc", x, x[0, 0].clamp(0, 6)).mean(1)))


@pytest.fixture
def saved(tmp_path):
    def save(model, x, *, decomposed=False):
        batch = torch.export.Dim("batch", min=2, max=64)
        program = torch.export.export(model, (x,), dynamic_shapes=({0: batch},))
        if decomposed:
            program = program.run_decompositions()
        path = tmp_path / "model.pt2"
        torch.export.save(program, path)
        return path

    return save


def dictionary(result):
    return result if isinstance(result, dict) else {"": result}


@pytest.mark.parametrize("decomposed", [False, True])
@pytest.mark.parametrize(("kind", "shape"), [(Net, (4, 7, 6)), (Images, (4, 3, 9, 9))])
def test_a_program_gives_what_the_model_gives(saved, kind, shape, decomposed):
    model, x = kind().eval(), torch.randn(shape)
    program = open_program(saved(model, x, decomposed=decomposed)).eval()
    for data in (x, torch.randn(9, *shape[1:])):
        with torch.no_grad():
            expected, got = dictionary(model(data)), dictionary(program(data))
        assert expected.keys() == got.keys()
        for key in expected:
            torch.testing.assert_close(got[key], expected[key], rtol=1e-5, atol=1e-6)
    assert {k: v.shape for k, v in program.named_parameters()} == {
        k: v.shape for k, v in model.named_parameters()
    }


def test_calls_in_a_program_have_the_names_of_the_model(saved, run, names):
    model, x = Net(), torch.randn(4, 7, 6)
    labels = np.arange(4) % 3
    program, original = (run(m, x, labels) for m in (open_program(saved(model, x)), model))
    assert names(program) == names(original)
    assert [call.site.layer for call in program.calls] == [call.site.layer for call in original.calls]
    for a, b in zip(program.calls, original.calls, strict=True):
        assert a.gradient == (None if b.gradient is None else pytest.approx(b.gradient, rel=1e-5))


def test_a_decomposed_program_has_the_same_calls(saved, run):
    model, x = Images().eval(), torch.randn(4, 3, 9, 9)
    program = run(open_program(saved(model, x, decomposed=True)), x)
    original = run(model, x)
    assert [c.site.function.label for c in program.calls] == [c.site.function.label for c in original.calls]
    for a, b in zip(program.calls, original.calls, strict=True):
        np.testing.assert_allclose(a.statistics.output.mean, b.statistics.output.mean, rtol=1e-4, atol=1e-5)
        assert a.site.layer == b.site.layer


def test_a_program_exported_in_training_mode_is_inspected_in_evaluation(saved, run):
    model, x = Images().train(), torch.randn(4, 3, 9, 9)
    program = open_program(saved(model, x))
    first, second = run(program, x), run(program, x)
    np.testing.assert_array_equal(
        first.calls[-1].statistics.output.mean, second.calls[-1].statistics.output.mean
    )
    expected = run(model, x)
    np.testing.assert_allclose(
        first.calls[0].statistics.output.mean, expected.calls[0].statistics.output.mean, rtol=1e-4, atol=1e-5
    )


def test_inputs_by_name_and_missing_ones(saved):
    model, x = Images().eval(), torch.randn(4, 3, 9, 9)
    program = open_program(saved(model, x)).eval()
    torch.testing.assert_close(program(x=x), program(x))
    with pytest.raises(InvalidInputError, match="data for each of the inputs x, got none for x"):
        program()


def test_an_error_names_the_file_of_a_program(saved):
    path = saved(nn.Sequential(nn.Linear(4, 8), nn.ReLU()), torch.randn(4, 4))
    with pytest.raises(
        InvalidInputError, match=r"^expected inputs that model\.pt2 takes, got shape \(3, 7\)"
    ):
        nonlin.inspect(path, np.ones((3, 7), np.float32))


def test_a_program_can_be_exported_again(saved):
    model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).eval(), torch.randn(4, 4)
    program = open_program(saved(model, x))
    again = torch.export.export(program, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    data = torch.randn(7, 4)
    torch.testing.assert_close(again.module()(data), model(data))


def test_what_is_no_program(tmp_path):
    missing, text, empty = tmp_path / "a.pt2", tmp_path / "b.pt2", tmp_path / "c.pt2"
    text.write_text("hello")
    empty.write_bytes(b"")
    with pytest.raises(MissingInputError, match="does not exist"):
        open_program(missing)
    for path in (text, empty):
        with pytest.raises(InvalidInputError, match="damaged or no archive"):
            open_program(path)


def test_a_truncated_program(saved):
    path = saved(nn.Linear(4, 3), torch.randn(4, 4))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInputError, match="damaged"):
        open_program(path)


def test_an_operator_outside_aten_is_named(tmp_path):
    class Branches(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda y: y.relu(), lambda y: y.tanh(), (x,))

    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(Branches(), (torch.randn(3, 4),)), path)
    with pytest.raises(UnsupportedModelError, match=r"torch\.ops\.higher_order\.cond"):
        open_program(path)
