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
    """`requires_grad_()` makes frozen parameters require grad again."""
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 2))
    model.requires_grad_(False)
    frozen = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_()
    assert (frozen, [parameter.requires_grad for parameter in model.parameters()]) == ([False] * 4, [True] * 4)
