"""Every piece of code that a cause proposes is run, on layers of every kind and in every way to spoil them."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import nonlin


class Bare(nn.Module):
    """Weights that are no module's."""

    def __init__(self):
        super().__init__()
        self.first, self.shift = nn.Parameter(torch.randn(32, 8) / 3), nn.Parameter(torch.zeros(32))
        self.second, self.out = nn.Parameter(torch.randn(32, 32) / 6), nn.Linear(32, 3)

    def forward(self, x):
        h = torch.relu(functional.linear(x, self.first, self.shift))
        return self.out(torch.relu(h @ self.second))


class Columns(nn.Module):
    """A dense layer with one column a unit."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Unbiased(nn.Module):
    """A dense layer that has no bias and takes none."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs**0.5)

    def forward(self, x):
        return functional.linear(x, self.weight)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.fc, self.out = nn.Embedding(20, 16), nn.Linear(16, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.out(torch.relu(self.fc(torch.tanh(self.words(x)).mean(1))))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.layer, self.out = nn.GRUCell(8, 16), nn.LSTM(16, 12), nn.Linear(12, 3)

    def forward(self, x):
        h, hidden = torch.zeros(len(x), 16), []
        for step in x.unbind(1):
            h = self.cell(step, h)
            hidden.append(h)
        return self.out(self.layer(torch.stack(hidden))[0][-1])


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(8, 8), nn.Linear(8, 3)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        h = torch.relu(self.fc(x))
        return self.out(torch.relu(self.attention(h, h, h)[0] + h).mean(1))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.out = nn.Linear(8, 32), nn.Linear(4, 32), nn.Linear(32, 3)

    def forward(self, left, right):
        return self.out(torch.relu(self.left(left) + self.right(right)))


def dense(*, bias=True):
    return nn.Linear(8, 32, bias=bias)


def shared():
    relu = nn.ReLU()
    return nn.Sequential(dense(), relu, nn.Linear(32, 32), relu, nn.Linear(32, 3))


def convolutions():
    transposed = nn.Sequential(nn.ConvTranspose2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, bias=False))
    return nn.Sequential(transposed, nn.BatchNorm2d(4), nn.SiLU(), nn.Flatten(), nn.Linear(256, 3)).eval()


ROWS, SERIES, IMAGES = (128, 8), (64, 6, 8), (64, 3, 8, 8)
MODELS = {
    "bare": (Bare, ROWS),
    "columns": (lambda: nn.Sequential(Columns(8, 32), nn.ReLU(), Columns(32, 3)), ROWS),
    "unbiased": (
        lambda: nn.Sequential(Unbiased(8, 32), nn.ReLU(), Unbiased(32, 32), nn.Tanh(), nn.Linear(32, 3)),
        ROWS,
    ),
    "spectral": (
        lambda: nn.Sequential(parametrizations.spectral_norm(dense()), nn.ReLU(), nn.Linear(32, 3)),
        ROWS,
    ),
    "shared": (shared, ROWS),
    "in a sequence": (lambda: nn.Sequential(dense(), nn.ReLU(), nn.Linear(32, 3)), SERIES),
    "one dimension": (
        lambda: nn.Sequential(nn.Conv1d(6, 8, 3), nn.ReLU(), nn.Conv1d(8, 8, 3), nn.ReLU(), nn.Flatten()),
        SERIES,
    ),
    "convolutions": (convolutions, IMAGES),
    "recurrent": (Recurrent, SERIES),
    "attending": (Attending, SERIES),
    "deep": (lambda: nn.Sequential(*[m for _ in range(12) for m in (nn.Linear(8, 8), nn.Sigmoid())]), ROWS),
}


def spoiled(make, how):
    torch.manual_seed(0)
    model = make()
    weights = dict(model.named_parameters())
    with torch.no_grad():
        if how == "biases":
            next(p for p in weights.values() if p.dim() == 1)[:6] -= 30
        for parameter in weights.values():
            parameter.mul_({"large": 40, "small": 1e-4, "infinite": 1e20}.get(how, 1))
    return model


def codes(model, x):
    found = nonlin.inspect(model, x, folds=False).findings
    return [cause.code for finding in found for cause in finding.causes if cause.code]


@pytest.mark.parametrize("how", ["biases", "large", "small", "infinite", "inputs"])
@pytest.mark.parametrize("name", MODELS)
def test_every_code_that_is_proposed_runs(name, how):
    make, shape = MODELS[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * (100 if how == "inputs" else 1)
    for code in dict.fromkeys(codes(spoiled(make, how), x)):
        exec(code, {"model": spoiled(make, how), "x": x})  # noqa: S102 - what is tested


def test_words_have_no_mean_to_be_standardised_by():
    x = torch.randint(0, 20, (64, 5), generator=torch.Generator().manual_seed(1))
    for code in codes(spoiled(Words, "large"), x):
        assert "x.mean()" not in code
        exec(code, {"model": spoiled(Words, "large"), "x": x})  # noqa: S102 - what is tested


def test_what_takes_several_inputs_is_changed_by_a_cure():
    x = {"left": torch.randn(64, 8), "right": torch.randn(64, 4)}
    model = spoiled(TwoInputs, "biases")
    code = codes(model, x)[0]
    assert "nonlin.cure(model, x)" in code
    exec(code, {"model": model, "x": x})  # noqa: S102 - what is tested


def test_weights_that_are_no_modules_or_computed_are_not_written_to():
    for name in ("bare", "spectral"):
        make, shape = MODELS[name]
        model = spoiled(make, "biases")
        for finding in nonlin.inspect(model, torch.randn(shape), folds=False).findings:
            for cause in finding.causes:
                assert "get_submodule" not in cause.code, name


def test_a_layer_of_columns_has_no_figures_by_its_rows():
    square = nn.Sequential(Columns(8, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        square[0].bias[:3] = -30
    (finding,) = nonlin.inspect(square, torch.randn(128, 8), folds=False).at_or_above("warning")
    assert [cause.figure for cause in finding.causes if cause.name == "learning rate"] == [None]


MERGED = {
    "both biased": lambda: [dense(), nn.Linear(32, 16)],
    "second biased": lambda: [dense(bias=False), nn.Linear(32, 16)],
    "first biased": lambda: [dense(), nn.Linear(32, 16, bias=False)],
    "none biased": lambda: [dense(bias=False), nn.Linear(32, 16, bias=False)],
    "three": lambda: [dense(), nn.Linear(32, 24), nn.Linear(24, 16)],
}


@pytest.mark.parametrize("name", MERGED)
def test_merged_layers_give_the_same_answers(name):
    torch.manual_seed(0)
    model, x = (
        nn.Sequential(*MERGED[name](), nn.ReLU(), nn.Linear(16, 3)).double(),
        torch.randn(128, 8).double(),
    )
    before = model(x)
    (code,) = codes(model, x)
    exec(code, {"model": model, "x": x})  # noqa: S102 - what is tested
    torch.testing.assert_close(model(x), before)
    assert not codes(model, x)


@pytest.mark.parametrize("between", [nn.BatchNorm1d(32), nn.Identity(), nn.Unflatten(1, (4, 8))])
def test_layers_with_something_between_are_not_merged_by_their_product(between):
    back = nn.Flatten() if isinstance(between, nn.Unflatten) else nn.Identity()
    model = nn.Sequential(dense(), between, back, nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 3)).eval()
    found = nonlin.inspect(model, torch.randn(128, 8), folds=False).findings
    (collapse,) = (finding for finding in found if finding.kind == "collapse")
    assert bool(collapse.causes[0].code) == isinstance(between, nn.Identity)


def test_a_shared_module_is_exchanged_wherever_it_stands():
    model = spoiled(shared, "small")
    x = torch.randn(ROWS)
    code = next(code for code in codes(model, x) if "LeakyReLU" in code and "setattr" in code)
    exec(code, {"model": model, "x": x})  # noqa: S102 - what is tested
    assert [type(model[i]) for i in (1, 3)] == [nn.LeakyReLU, nn.LeakyReLU]
