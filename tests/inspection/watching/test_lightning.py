"""The callback in a real fit, where Lightning is installed."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nonlin
from nonlin.inspection.thresholds import Thresholds

lightning = pytest.importorskip("lightning.pytorch", exc_type=ImportError)


class Fitted(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 1))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, _index):
        return self(batch[0]).square().mean()

    def validation_step(self, batch, _index):
        self(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


@pytest.mark.filterwarnings("ignore")  # of Lightning's own: workers, sanity checks
def test_a_fit_is_watched(tmp_path):
    watch = nonlin.LightningWatch(every=3, path=tmp_path / "log.jsonl", thresholds=Thresholds())
    model, data = Fitted(), DataLoader(TensorDataset(torch.randn(40, 3)), batch_size=4)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(model, data, data)
    assert watch.log.history.steps == (0, 3, 6, 9, 12, 15, 18)
    assert watch.log.history.calls == ("net.1",)
    assert all(record.gradient_rms > 0 for record in watch.log.history)
    assert nonlin.read_log(tmp_path / "log.jsonl") == watch.log.history
    assert not model._forward_hooks
