"""What `Module.requires_grad_` freezes and thaws; how frozen models are trained is in suites/transfer/test_freezing."""

from torch import nn

from torchproof import fact


@fact("torch.nn.Module.requires_grad_")
def test_freezes_every_parameter_of_the_module_itself():
    """`requires_grad_(False)` freezes all parameters, those of submodules too, and returns the module itself."""
    model = nn.Sequential(nn.Linear(2, 1), nn.Sequential(nn.Linear(1, 2)))
    assert model.requires_grad_(False) is model
    assert [parameter.requires_grad for parameter in model.parameters()] == [False] * 4


@fact("torch.nn.Module.requires_grad_")
def test_thaws_every_parameter_by_default():
    """`requires_grad_()` of a model makes frozen parameters require grad again."""
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 2))
    model.requires_grad_(False)
    frozen = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_()
    assert (frozen, [parameter.requires_grad for parameter in model.parameters()]) == ([False] * 4, [True] * 4)


@fact("torch.nn.Module.requires_grad_")
def test_leaves_buffers_alone():
    """`Module.requires_grad_` changes parameters alone, and leaves buffers as they are."""
    made = nn.Sequential(nn.BatchNorm1d(2))
    assert made.requires_grad_(False) is made
    assert not any(each.requires_grad for each in made.state_dict(keep_vars=True).values())
    made.requires_grad_()
    assert [each.requires_grad for each in made.state_dict(keep_vars=True).values()] == [True, True] + [False] * 3
