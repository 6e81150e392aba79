import pytest
import torch
from torch import nn

from nonlin.inspection.torch.affine import AffineLayer, chain_of

IMAGE = (2, 3, 10, 10)


def chains(run, model, shape):
    return [(chain.layers, chain.parameters, chain.merged) for chain in run(model, torch.randn(shape)).chains]


def count(*layers):
    return sum(p.numel() for layer in layers for p in layer.parameters())


def test_dense_layers_in_a_row(run):
    model = nn.Sequential(
        nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 6), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)
    )
    assert chains(run, model, (3, 4)) == [(("0", "2", "3"), count(model[0], model[2], model[3]), 4 * 5 + 5)]


def test_without_biases(run):
    model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Linear(8, 5, bias=False))
    assert chains(run, model, (3, 4)) == [(("0", "1"), 72, 20)]


def test_an_activation_or_a_norm_of_the_data_ends_a_chain(run):
    for between in (nn.ReLU(), nn.LayerNorm(8), nn.Softmax(1), nn.MaxPool1d(1)):
        assert chains(run, nn.Sequential(nn.Linear(4, 8), between, nn.Linear(8, 5)), (3, 4)) == []


class Assigned(nn.Module):
    def __init__(self, assign):
        super().__init__()
        self.first, self.beside, self.second = nn.Linear(4, 8), nn.Linear(4, 8), nn.Linear(8, 5)
        self.assign = assign

    def forward(self, x):
        u = self.first(x)
        self.assign(u, self.beside(x))
        return self.second(u)


def _gate(u, other):
    u[other < 0] = 0


def _replace(u, other):
    u[:, :4] = torch.relu(other)[:, :4]


def _silence(u, other):
    u[:, 3] = 0


@pytest.mark.parametrize("assign", [_gate, _replace, _silence])
def test_an_assignment_in_place_ends_a_chain(run, assign):
    assert chains(run, Assigned(assign), (3, 4)) == []


def test_batch_norm_and_mean_pooling_do_not(run):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    assert chains(run, model, IMAGE) == [(("0", "4"), count(model[0], model[4]), 3 * 9 * 5 + 5)]


def test_behind_a_flattening_every_position_counts(run):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 64, 5))
    assert chains(run, model, IMAGE) == [(("0", "2"), count(model[0], model[2]), 300 * 5 + 5)]


CONVOLUTIONS = [
    ([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3)], 3 * 4 * 5 * 5 + 4),
    ([nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(8, 4, 3)], 3 * 4 * 7 * 7 + 4),
    ([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3, dilation=2)], 3 * 4 * 7 * 7 + 4),
    ([nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 4, 1)], 3 * 4 * 9 + 4),
    ([nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 3, 3, groups=3)], 3 * 25 + 3),
]


@pytest.mark.parametrize(("layers", "merged"), CONVOLUTIONS)
def test_convolutions(run, layers, merged):
    assert chains(run, nn.Sequential(*layers), IMAGE) == [(("0", "1"), count(*layers), merged)]


@pytest.mark.parametrize(("layers", "merged"), CONVOLUTIONS)
def test_the_merged_kernel_is_the_response_to_every_impulse(layers, merged):
    first, second = (layer.double() for layer in layers)
    size = first.stride[0] * (reach(second) - 1) + reach(first)
    impulses = torch.eye(3 * size * size, dtype=torch.float64).reshape(-1, 3, size, size)
    with torch.no_grad():
        responses = second(first(impulses)) - second(first(torch.zeros_like(impulses)))
    assert responses.shape[2:] == (1, 1)
    weights = int((responses.abs() > 1e-12).sum())
    assert weights == merged - second.out_channels


def reach(layer):
    return (layer.kernel_size[0] - 1) * layer.dilation[0] + 1


def test_a_layer_whose_output_is_used_elsewhere_is_not_merged(run):
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            y = self.a(x)
            return self.b(y) + torch.relu(y)

    assert chains(run, Skip(), (3, 4)) == []


def test_a_residual_sum_ends_a_chain(run):
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.a(x) + x)

    assert chains(run, Residual(), (3, 4)) == []


def test_a_layer_over_another_axis_is_not_merged(run):
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.channels, self.tokens = nn.Linear(4, 6), nn.Linear(6, 6)

        def forward(self, x):
            return self.tokens(self.channels(x).transpose(1, 2))

    assert chains(run, Mixer(), (3, 6, 4)) == []


def test_a_scaled_and_shifted_output_is_still_affine(run):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)
            self.scale = nn.Parameter(torch.ones(6))

        def forward(self, x):
            return self.b(2 * self.a(x) * self.scale + 1)

    assert [layers for layers, _, _ in chains(run, Scaled(), (3, 4))] == [("a", "b")]


def test_a_layer_with_a_repeated_name_is_counted_once():
    layer = AffineLayer(name="a", inputs=4, outputs=4, parameters=20, bias=True, size=4)
    assert chain_of((layer, layer)).parameters == 20
