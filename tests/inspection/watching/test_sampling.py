import pytest
import torch
from torch import nn

import nonlin
from nonlin.inspection.torch.sampling import LEAST, few, norm_of, spread


@pytest.mark.parametrize("shape", [(512, 1024), (32, 32, 64, 64), (4, 128, 1536), (300_001,)])
def test_a_norm_from_a_part_is_close(shape):
    tensor = torch.randn(shape) * torch.linspace(0.1, 3, shape[-1])
    exact = torch.linalg.vector_norm(tensor)
    assert LEAST / 2 < spread(tensor).numel() < 2 * LEAST
    assert norm_of(tensor).item() == pytest.approx(exact.item(), rel=0.02)
    assert norm_of(tensor).item() != exact.item()


def test_every_column_and_channel_is_looked_at():
    columns = torch.arange(1024).expand(512, 1024).contiguous().float()
    assert len(spread(columns).unique()) == 1024
    channels = torch.arange(32.0)[:, None, None].expand(32, 32, 32, 32).contiguous()
    assert len(spread(channels).unique()) == 32
    assert len(few(channels).unique()) == 32


def test_small_and_scattered_tensors_are_exact():
    small, scattered = torch.randn(64, 512), torch.randn(1, 1024).expand(512, 1024)
    for tensor in (small, scattered):
        assert norm_of(tensor).item() == pytest.approx(torch.linalg.vector_norm(tensor).item(), rel=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_sample_is_of_the_tensor(layout):
    tensor = torch.arange(64 * 8 * 32 * 32.0).view(64, 8, 32, 32).contiguous(memory_format=layout)
    for part in (few(tensor), few(tensor[:, ::2]), few(tensor[:2, :, :4, :4]), spread(tensor).flatten()):
        assert torch.isin(part, tensor.flatten()).all()
        assert len(part.unique()) == part.numel()
    assert 3900 < few(tensor).numel() <= 4096


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
