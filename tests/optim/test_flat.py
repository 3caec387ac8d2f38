"""Parameters as views of one tensor: layout, gradients, and what is refused."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pellucid.errors import PellucidError
from pellucid.optim.flat import FlatParameters

ONE = torch.tensor(1.0)


def test_layout_puts_what_decays_first(make_net):
    model = make_net()
    before = {name: p.clone() for name, p in model.named_parameters()}
    flat = FlatParameters(model)
    assert flat.names[:4] == ("0.weight", "4.weight", "6.weight", "8.weight")
    assert flat.names[4:] == ("0.bias", "1.weight", "1.bias", "4.bias", "6.bias", "8.bias")
    assert flat.decayed == slice(0, 36 + 512 + 64 + 24)
    assert flat.exempt == slice(636, len(flat.values))
    for name, parameter, view in zip(flat.names, flat.parameters, flat.views(flat.values), strict=True):
        assert parameter.data_ptr() == view.data_ptr()
        assert parameter is model.get_parameter(name)
        assert torch.equal(parameter, before[name])


def test_parts():
    flat = FlatParameters(nn.Linear(3, 2))
    assert flat.parts(0.0) == [(slice(0, 8), 0.0)]
    assert flat.parts(0.5) == [(slice(0, 6), 0.5), (slice(6, 8), 0.0)]
    assert FlatParameters(nn.Linear(3, 2, bias=False)).parts(0.5) == [(slice(0, 6), 0.5)]


def test_the_model_and_the_flat_values_are_one(make_net):
    model, other = make_net(), make_net()
    flat = FlatParameters(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    model.load_state_dict(other.state_dict())
    assert torch.equal(flat.values, FlatParameters(other).values)
    flat.values.zero_()
    assert all(not tensor.any() for tensor in model.state_dict().values())


def test_fill_equals_backward(make_net, batches, fill):
    model, reference = make_net(), make_net()
    flat = FlatParameters(model)
    loss = fill(model, flat, batches[0])
    expected = F.cross_entropy(reference(batches[0][0]), batches[0][1])
    expected.backward()
    assert torch.allclose(loss, expected)
    for name, gradient in zip(flat.names, flat.gradients, strict=True):
        assert torch.allclose(gradient, reference.get_parameter(name).grad, atol=1e-6), name
    assert all(p.grad is None for p in model.parameters())


def test_accumulate_adds_up_to_the_big_batch(make_net, batches):
    model = make_net()
    flat = FlatParameters(model)
    inputs, target = batches[0]
    flat.fill(F.cross_entropy(model(inputs), target, reduction="sum"))
    whole = flat.gradient.clone()
    flat.fill(F.cross_entropy(model(inputs[:4]), target[:4], reduction="sum"))
    flat.accumulate(F.cross_entropy(model(inputs[4:]), target[4:], reduction="sum"))
    assert torch.allclose(flat.gradient, whole, atol=1e-5)


def test_frozen_parameters_are_left_out(make_net):
    model = make_net()
    model[0].requires_grad_(False)
    kernel = model[0].weight
    pointer = kernel.data_ptr()
    flat = FlatParameters(model)
    assert "0.weight" not in flat.names
    assert kernel.data_ptr() == pointer


def test_tied_parameters_stand_once():
    model = nn.ModuleDict({"table": nn.Embedding(5, 3), "head": nn.Linear(3, 5, bias=False)})
    model["head"].weight = model["table"].weight
    flat = FlatParameters(model)
    assert flat.names == ("table.weight",)
    assert flat.lookups == (True,)
    rows = torch.tensor([1, 2])
    flat.fill(model["head"](model["table"](rows)).square().sum())
    weight = model["table"].weight.detach().clone().requires_grad_()
    (weight[rows] @ weight.T).square().sum().backward()
    assert torch.allclose(flat.gradients[0], weight.grad)
    flat.values.fill_(2.0)
    assert model["head"].weight is model["table"].weight
    assert (model["head"].weight == 2.0).all()


def test_a_gradient_that_never_arrives():
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "idle": nn.Linear(2, 1)})
    flat = FlatParameters(model)
    x = torch.ones(1, 2)
    with pytest.raises(PellucidError) as error:
        flat.fill(model["used"](x).sum())
    assert str(error.value) == (
        "gradient never arrives at idle.weight, idle.bias: use them in forward, or set requires_grad = False."
    )


def test_a_detached_loss():
    model = nn.Linear(2, 1)
    with pytest.raises(PellucidError, match="gradient never arrives at any parameter: the loss was detached"):
        FlatParameters(model).fill(model(torch.ones(1, 2)).detach().sum())


def test_a_gradient_that_rests_counts_as_zero():
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "branch": nn.Linear(2, 1)})
    flat = FlatParameters(model)
    x = torch.ones(1, 2)
    flat.fill((model["used"](x) + model["branch"](x)).sum())
    assert flat.gradients[flat.names.index("branch.weight")].any()
    flat.fill(model["used"](x).sum())
    assert not flat.gradients[flat.names.index("branch.weight")].any()
    assert flat.gradients[flat.names.index("used.weight")].any()


def test_several_dtypes_are_refused():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double())
    with pytest.raises(PellucidError) as error:
        FlatParameters(model)
    assert str(error.value) == (
        "the parameters differ in dtype: torch.float32 (0.weight), torch.float64 (1.weight). "
        "Choose one: model.to(dtype=...)."
    )


def test_nothing_to_learn_is_refused():
    with pytest.raises(PellucidError, match="ReLU has no trainable parameter: there is nothing to learn"):
        FlatParameters(nn.ReLU())
    with pytest.raises(PellucidError, match=r"the parameters are torch\.complex64: only real ones can be trained"):
        FlatParameters(nn.Linear(2, 2, dtype=torch.complex64))
