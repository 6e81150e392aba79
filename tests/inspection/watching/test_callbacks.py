"""The callbacks on the least that they need of Lightning and transformers."""

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from nonlin.errors import MissingDependencyError

LIGHTNING, TRAINER = "nonlin.inspection.watching.lightning", "nonlin.inspection.watching.trainer"


@pytest.fixture
def load(monkeypatch):
    """Loads one of our modules beside made-up libraries, and forgets it afterwards."""

    def loaded(module, **libraries):
        for name, content in libraries.items():
            monkeypatch.setitem(sys.modules, name.replace("__", "."), content)
        monkeypatch.delitem(sys.modules, module, raising=False)
        try:
            return importlib.import_module(module)
        finally:
            sys.modules.pop(module, None)

    return loaded


def library(name, **content):
    made = ModuleType(name)
    vars(made).update(content)
    return made


class Base:
    """A class of callbacks."""


class Fitted(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize("name", ["lightning", "pytorch_lightning"])
def test_lightning(load, name):
    given = {"lightning": None, "lightning__pytorch": None, "pytorch_lightning": library(name, Callback=Base)}
    if name == "lightning":
        given = {"lightning": library(name), "lightning__pytorch": library(name, Callback=Base)}
    watch = load(LIGHTNING, **given).LightningWatch(every=1)
    assert isinstance(watch, Base)
    model, trainer = Fitted(), SimpleNamespace(is_global_zero=True)
    watch.on_train_start(trainer, model)
    model(torch.ones(2, 3)).sum().backward()
    watch.on_train_end(trainer, model)
    assert watch.log.history.calls == ("net.1",)
    assert not model._forward_hooks


def test_lightning_where_a_part_is_called(load):
    module = load(LIGHTNING, lightning=library("lightning"), lightning__pytorch=library("x", Callback=Base))
    model, trainer = Fitted(), SimpleNamespace(is_global_zero=True)
    for part in ("", "net"):
        watch = module.LightningWatch(part=part)
        watch.on_train_start(trainer, model)
        model.net(torch.ones(2, 3)).sum().backward()
        if part:
            watch.on_train_end(trainer, model)
            assert watch.log.history.calls == ("1",)
        else:
            with pytest.warns(UserWarning, match=r"LightningWatch\(part=...\)"):
                watch.on_train_end(trainer, model)


def test_lightning_after_an_exception_and_on_another_process(load):
    module = load(LIGHTNING, lightning=library("lightning"), lightning__pytorch=library("x", Callback=Base))
    model = Fitted()
    watch = module.LightningWatch()
    watch.on_train_start(SimpleNamespace(is_global_zero=True), model)
    assert model._forward_hooks
    watch.on_exception(None, model, RuntimeError())
    assert not model._forward_hooks
    watch = module.LightningWatch()
    watch.on_train_start(SimpleNamespace(is_global_zero=False), model)
    assert not model._forward_hooks
    watch.on_train_end(None, model)


def test_trainer(load):
    module = load(TRAINER, transformers=library("transformers", TrainerCallback=Base))
    model, state = Fitted(), SimpleNamespace(is_world_process_zero=True)
    watch = module.TrainerWatch(every=1)
    assert isinstance(watch, Base)
    watch.on_train_begin(None, state, None, model=model, optimizer=None)
    model(torch.ones(2, 3)).sum().backward()
    watch.on_train_end(None, state, None, model=model)
    assert watch.log.history.calls == ("net.1",)
    watch.on_train_begin(None, state, None, model=model)
    watch.close()
    assert not model._forward_hooks


@pytest.mark.parametrize(
    ("module", "names"),
    [(LIGHTNING, ["lightning", "lightning__pytorch", "pytorch_lightning"]), (TRAINER, ["transformers"])],
)
def test_without_the_library_the_message_says_what_to_install(load, module, names):
    with pytest.raises(MissingDependencyError, match=f"pip install {names[0]}"):
        load(module, **dict.fromkeys(names))
