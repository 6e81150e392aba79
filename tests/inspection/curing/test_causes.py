"""Each cause is planted in the same network, and must come first, with its figure."""

import re

import pytest
import torch
from torch import nn

import nonlin
from nonlin.inspection.curing.scales import effective_rank
from nonlin.testing import faults

CASES = {case.name: case for case in faults()}


def network(function=nn.ReLU, width=32):
    torch.manual_seed(0)
    layers = [nn.Linear(16, width), function(), nn.Linear(width, width), function(), nn.Linear(width, 3)]
    return nn.Sequential(*layers)


def first_causes(model, data):
    found = nonlin.inspect(model, data).at_or_above("warning")
    return {(finding.kind, finding.call): finding.causes for finding in found}


def data():
    torch.manual_seed(1)
    return torch.randn(300, 16)


def test_an_input_that_is_far_from_0_is_the_likeliest_cause():
    model = network()
    with torch.no_grad():
        model[0].weight[:16] = -model[0].weight[:16].abs()
    causes = first_causes(model, data() + 20)[("dead", "1")]
    assert causes[0].name == "input scale"
    assert causes[0].likelihood == "likely"
    assert "mean 20" in causes[0].evidence
    assert causes[0].proposals[0].kind == "standardise"


def test_biases_pushed_away_are_the_likeliest_cause():
    model = network()
    with torch.no_grad():
        model[0].bias[:8] = -30
    causes = first_causes(model, data())[("dead", "1")]
    assert causes[0].name == "learning rate"
    spread = (data() @ model[0].weight[:8].detach().T).std(0, correction=0)
    assert causes[0].figure == pytest.approx(float((30 / spread).median()), rel=0.1)
    assert "nonlin" not in causes[0].code
    assert "get_submodule('0')" in causes[0].code


def test_weights_that_are_too_large_are_the_likeliest_cause():
    model = network(nn.Tanh)
    with torch.no_grad():
        model[0].weight.mul_(50)
        model[0].bias.mul_(50)
    causes = first_causes(model, data())[("saturated", "1")]
    assert causes[0].name == "initialisation"
    assert causes[0].figure == pytest.approx(50 / 3**0.5 / nonlin.gain("tanh"), rel=0.1)


def test_the_function_is_left_where_every_scale_is_in_its_range():
    model = network()
    with torch.no_grad():
        x = data()[:60]
        model[0].bias[:8] = -(x @ model[0].weight[:8].T).amax(0) - 0.01
    causes = first_causes(model, x)[("dead", "1")]
    assert causes[0].name == "function"
    assert [cause.likelihood for cause in causes] == ["possible", "unlikely", "unlikely", "unlikely"]


def test_many_layers_that_are_a_little_too_small_are_one_cause():
    torch.manual_seed(0)
    layers = [layer for _ in range(20) for layer in (nn.Linear(16, 16), nn.ReLU())]
    causes = first_causes(nn.Sequential(*layers, nn.Linear(16, 2)), data())
    ((kind, _),) = [key for key in causes if key[0] == "vanishing"]
    found = next(value for key, value in causes.items() if key[0] == kind)
    assert found[0].name == "initialisation"
    assert found[0].proposals[0].kind == "initialise"


def test_what_comes_in_small_is_the_fault_of_the_weights_before_it():
    torch.manual_seed(0)
    layers = [layer for _ in range(6) for layer in (nn.Linear(16, 16), nn.Tanh())]
    with torch.no_grad():
        for layer in layers[::2]:
            layer.weight.mul_(0.2)
            layer.bias.zero_()
    causes = first_causes(nn.Sequential(*layers, nn.Linear(16, 2)), data())
    last = causes[("linear", "11")]
    assert last[0].name == "initialisation"
    assert re.search(r"6 layers, up to the one at 11, are together \S+ × 10⁻[⁶⁷] times", last[0].evidence)
    assert last[0].proposals[0].kind == "initialise"
    assert next(cause for cause in last if cause.name == "input scale").likelihood == "unlikely"


def test_large_numbers_of_the_evidence_are_written_out():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
    with torch.no_grad():
        model[0].bias[:20] = -300 * model[0].weight[:20].norm(dim=1)
    steps = next(c for c in first_causes(model, data())[("dead", "1")] if c.name == "learning rate")
    written = re.search(r"the biases are at −([\d,]+) standard deviations", steps.evidence)
    assert int(written[1].replace(",", "")) == pytest.approx(steps.figure, rel=0.03)
    assert steps.figure > 100


def test_a_small_layer_in_front_makes_no_biases_large():
    model = network()
    with torch.no_grad():
        model[0].weight.mul_(1e-4)
        model[0].bias.zero_()
        model[2].bias.fill_(-0.1)
    causes = first_causes(model, data())[("dead", "3")]
    assert causes[0].name == "initialisation"
    assert next(cause for cause in causes if cause.name == "learning rate").likelihood == "unlikely"


def test_a_dead_call_in_front_is_named_and_not_divided_by():
    model = network()
    with torch.no_grad():
        model[0].bias.fill_(-100)
        model[2].bias.copy_(-model[2].bias.abs() - 0.01)
    causes = first_causes(model, data())[("dead", "3")]
    assert causes[0].name == "input scale"
    assert "see the calls before" in causes[0].evidence
    assert all(abs(cause.figure) < 10 for cause in causes if cause.figure is not None)


def test_shifts_up_and_down_do_not_cancel():
    model = network(nn.Tanh)
    causes = first_causes(model, data() + 100)[("dead", "1")]
    assert causes[0].name == "input scale"
    assert "mean 100" in causes[0].evidence


def test_weights_of_zero_are_to_be_drawn_anew():
    model = network(nn.Tanh)
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight.zero_()
            layer.bias.zero_()
    causes = first_causes(model, data())[("linear", "1")]
    assert causes[0].name == "initialisation"
    assert causes[0].proposals[0].kind == "reinitialise"


def test_a_function_without_a_layer_before_it_has_no_figures():
    class Net(nn.Module):
        def forward(self, x):
            return torch.relu(x - 40).sum(1, keepdim=True)

    causes = first_causes(Net(), data())[("dead", "relu")]
    assert {cause.name for cause in causes} == {"input scale", "learning rate", "initialisation", "function"}
    assert [c.figure for c in causes if c.name in ("learning rate", "initialisation")] == [None, None]


def test_the_effective_rank_of_known_matrices():
    assert effective_rank(torch.eye(7).double().numpy()) == pytest.approx(7)
    assert effective_rank(torch.ones(5, 9).double().numpy()) == pytest.approx(1)


def test_the_causes_are_in_the_json():
    case = CASES["mlp-relu-functional-dead"]
    report = nonlin.inspect(case.build(), case.data()).to_dict()
    names = [cause["name"] for cause in report["findings"][0]["causes"]]
    assert names[0] == "learning rate"
    assert len(names) == 4


CODE = [
    "mlp-relu-functional-dead",
    "cnn-tanh-module-saturated",
    "sequence-elu-module-saturated",
    "mlp-sigmoid-module-linear",
    "mlp-relu-module-nonfinite",
    "mlp-relu-module-collapse",
    "mlp-relu-functional-low-rank",
]


@pytest.mark.parametrize("name", CODE)
def test_the_proposed_code_can_be_pasted_and_removes_the_finding(name):
    model, x = CASES[name].build(), CASES[name].data()
    before = nonlin.inspect(model, x, batch_size=512).at_or_above("warning")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        exec(before[0].causes[0].code, {"model": model, "x": x})  # noqa: S102 - what is tested
    after = nonlin.inspect(model, x, batch_size=512).at_or_above("warning")
    assert (before[0].kind, before[0].call) not in {(f.kind, f.call) for f in after}


def behind_a_normalisation(*, bias=True):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(16 * 36, 3)).eval()
    with torch.no_grad():
        model[1].bias[:4] = -30
    if not bias:
        model = nn.Sequential(nn.Conv2d(3, 16, 3, bias=False), *list(model)[2:])
        with torch.no_grad():
            model[0].weight[:4] = -model[0].weight[:4].abs()
    return model


@pytest.mark.parametrize("bias", [True, False])
def test_the_code_changes_the_layer_next_to_the_call_and_gives_it_a_bias(bias):
    model, x = behind_a_normalisation(bias=bias), torch.randn(80, 3, 8, 8) + (0 if bias else 20)
    causes = first_causes(model, x)[("dead", "2" if bias else "1")]
    (steps,) = (cause for cause in causes if cause.name == "learning rate")
    assert steps.proposals[0].layer == ("1" if bias else "0")
    exec(steps.code, {"model": model, "x": x})  # noqa: S102 - what is tested
    assert not first_causes(model, x)


def test_drawing_anew_can_be_pasted_for_a_normalisation_too():
    model, x = behind_a_normalisation(), torch.randn(80, 3, 8, 8)
    (drawn,) = (c for c in first_causes(model, x)[("dead", "2")] if c.name == "initialisation")
    exec(drawn.code, {"model": model, "x": x})  # noqa: S102 - what is tested
    assert not first_causes(model, x)


def test_a_unit_without_weights_says_nothing_of_the_others():
    model = network()
    with torch.no_grad():
        model[0].bias[:8] = -30
    wanted = first_causes(model, data())[("dead", "1")][0]
    with torch.no_grad():
        model[0].weight[:4] = 0
    found = first_causes(model, data())[("dead", "1")][0]
    assert found.name == wanted.name == "learning rate"
    assert found.figure == pytest.approx(wanted.figure, rel=0.3)
