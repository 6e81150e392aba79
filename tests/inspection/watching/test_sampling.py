from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
import torch
from torch import nn

import nonlin
from nonlin.inspection.torch import lean, sampling
from nonlin.inspection.torch.lean import measure_pre_activation, watched_call
from nonlin.inspection.torch.sampling import address_of, few, norm_of, spread, sum_and_norm_of
from nonlin.inspection.watching.parts import LEAST
from nonlin.inspection.watching.scans import layout_of, scan
from nonlin.inspection.watching.shares import slope_mean


@pytest.mark.parametrize("shape", [(512, 1024), (32, 32, 64, 64), (4, 128, 1536), (300_001,)])
def test_a_norm_from_a_part_is_close(shape):
    tensor = torch.randn(shape) * torch.linspace(0.1, 3, shape[-1])
    exact = torch.linalg.vector_norm(tensor)
    assert LEAST / 2 < spread(tensor).numel() < 2 * LEAST
    assert float(norm_of(tensor)[0]) == pytest.approx(exact.item(), rel=0.02)
    assert float(norm_of(tensor)[0]) != exact.item()


def test_every_column_and_channel_is_looked_at():
    columns = torch.arange(1024).expand(512, 1024).contiguous().float()
    assert len(spread(columns).unique()) == 1024
    channels = torch.arange(32.0)[:, None, None].expand(32, 32, 32, 32).contiguous()
    assert len(spread(channels).unique()) == 32
    assert len(few(channels).unique()) == 32


def test_small_and_scattered_tensors_are_exact():
    small, scattered = torch.randn(64, 512), torch.randn(1, 1024).expand(512, 1024)
    for tensor in (small, scattered):
        assert float(norm_of(tensor)[0]) == pytest.approx(torch.linalg.vector_norm(tensor).item(), rel=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_sample_is_of_the_tensor(layout):
    tensor = torch.arange(64 * 8 * 32 * 32.0).view(64, 8, 32, 32).contiguous(memory_format=layout)
    for part in (few(tensor), few(tensor[:, ::2]), few(tensor[:2, :, :4, :4]), spread(tensor).flatten()):
        assert torch.isin(part, tensor.flatten()).all()
        assert len(part.unique()) == part.numel()
    assert 3900 < few(tensor).numel() <= 4096


def permuted(*order):
    return lambda shape: torch.randn([shape[i] for i in order]).permute(
        [order.index(i) for i in range(len(shape))]
    )


SHAPES = [(64, 24), (512, 1024), (1024, 1), (7, 3, 5, 5), (32, 64, 24, 24), (4, 128, 500), (3, 1, 40), (1, 6)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("function", ["relu", "sigmoid"])
@pytest.mark.parametrize(
    ("shape", "axis", "made"),
    [
        *((shape, axis, torch.randn) for shape in SHAPES for axis in {1, len(shape) - 1}),
        ((9, 6, 5, 4), 1, permuted(0, 2, 3, 1)),  # channels last
        ((9, 6, 50), 2, permuted(1, 0, 2)),  # the batch second
        ((300,), 0, torch.randn),
        ((64, 24), 1, lambda shape: torch.randn(shape[0], 2 * shape[1])[:, ::2]),
        ((0, 24), 1, torch.randn),
    ],
)
def test_a_compiled_pass_measures_what_pytorch_does(function, shape, axis, made, dtype, monkeypatch):
    pre = 8 * made(shape).to(dtype)
    watched = replace(watched_call("", nonlin.function(function), 0.01, is_prelu=False), table=None)
    first = measure_pre_activation(watched, pre, axis, turn=3), sum_and_norm_of(pre), norm_of(pre)
    for module in (lean, sampling):
        monkeypatch.setattr(module, "address_of", lambda _: None)
    second = measure_pre_activation(watched, pre, axis, turn=3), sum_and_norm_of(pre), norm_of(pre)
    assert isinstance(second[1], torch.Tensor)
    tolerance = 1e-6 * (float(second[2][0]) if pre.numel() else 1) * pre.numel() ** 0.5
    assert list(first[1]) == pytest.approx(second[1].tolist(), rel=1e-5, abs=tolerance)
    assert float(first[2][0]) == pytest.approx(float(second[2][0]), rel=1e-5)
    if first[0] is None:
        assert second[0] is None
        assert not pre.numel()
        return
    compiled, plain = (np.asarray(extremes.numbers, float) for extremes in (first[0], second[0]))
    few = len(plain) - (3 if function == "sigmoid" else 2) * first[0].units
    assert np.array_equal(compiled[:-few], plain[:-few])
    assert np.array_equal(np.sort(compiled[-few:]), np.sort(plain[-few:]))
    assert [getattr(first[0], name) for name in ("units", "share", "rows")] == [
        getattr(second[0], name) for name in ("units", "share", "rows")
    ]


@pytest.mark.parametrize("value", [nan, -nan, inf, -inf, -0.0])
@pytest.mark.parametrize(("shape", "axis"), [((40, 6), 1), ((8, 6, 20), 1)])
def test_extremes_of_what_is_no_number_are_those_of_pytorch(shape, axis, value):
    pre = -torch.rand(shape)
    pre[3, 4] = torch.tensor(value).copysign(torch.tensor(-1.0)) if value == 0 else value
    numbers = torch.tensor(
        scan(
            pre.data_ptr(), layout_of(pre.shape, pre.stride(), axis), double=False, ends=(None, None), turn=0
        )
    ).float()
    others = [i for i in range(pre.dim()) if i != axis]
    for found, expected in zip(numbers[:12].view(2, 6), (pre.amin(others), pre.amax(others)), strict=True):
        assert torch.equal(found.isnan(), expected.isnan())
        assert torch.equal(found.nan_to_num(), expected.nan_to_num())
    assert not isnan(value) or (numbers[4].isnan() and numbers[10].isnan())


def test_what_is_not_plain_on_the_host_goes_through_pytorch():
    plain, scattered = torch.randn(8, 4), torch.randn(8, 4, requires_grad=True)
    assert address_of(scattered) == scattered.data_ptr()
    imaginary = torch.randn(8, 4, dtype=torch.complex64).conj().imag
    for other in (
        plain.half(),
        plain.bfloat16(),
        plain.to("meta"),
        plain.to_sparse(),
        imaginary,
        plain.int(),
    ):
        assert address_of(other) is None
    assert torch.func.vmap(lambda row: norm_of(row) if address_of(row) is None else None)(plain).shape == (
        8,
        1,
    )


def test_the_extremes_of_a_large_call_are_of_another_part_at_each_step():
    model = nn.Sequential(nn.Linear(8, 512), nn.ReLU())
    data = torch.randn(1024, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model[0].bias -= 1.5  # many units are active on few samples
    pre = model[0](data).detach()
    with nonlin.watch(model, every=1) as log:
        for _ in range(9):
            model(data).sum().backward()
        records = list(log.history)
    step = 4  # 524,288 pre-activations, of which 131,072 are looked at
    assert [record.samples for record in records[1:]] == [1024 // step] * 8
    expected = [float((pre[turn % step :: step].amax(0) <= 0).float().mean()) for turn in range(1, 9)]
    assert [record.dead for record in records[1:]] == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("shape", [(512, 1024), (9, 6, 5, 4), (3, 40)])
def test_the_mean_slope_of_a_compiled_pass_is_that_of_its_sample(name, shape):
    pre, watched = 3 * torch.randn(shape), watched_call("", nonlin.function(name), 0.01, is_prelu=False)
    pre.view(-1)[0] = nan
    looked_up = measure_pre_activation(watched, pre, 1)
    sampled = measure_pre_activation(replace(watched, table=None), pre, 1)
    assert (looked_up.sampled, sampled.sampled) == (False, True)
    values = sampled.numbers[len(looked_up.numbers) - 1 :]
    mean = slope_mean(watched.function, watched.zones, values, None)
    assert looked_up.numbers[-1] == mean
    exact = np.nanmean(watched.function.slope(values)) / watched.function.largest_slope
    assert mean == pytest.approx(float(exact), abs=0.004)
