"""What calls are about."""

import pytest

from torchproof.reports.outcomes.subjects import subject


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("torch.any(x, dim=(0, 1))", "torch.any"),
        ("F.cross_entropy(x, t)", "torch.nn.functional.cross_entropy"),
        ("nn.LSTM(3, 2)(x)", "torch.nn.LSTM"),
        ("[*nn.Linear(3, 2).parameters()]", "torch.nn.Linear"),
        ("torch.linalg.svd(a).S", "torch.linalg.svd"),
        ("torch.optim.lr_scheduler.StepLR(o, 2)", "torch.optim.lr_scheduler.StepLR"),
        ("torch.distributions.Normal(0.0, 1.0).sample()", "torch.distributions.Normal.sample"),
        ("x.view(-1)", "torch.Tensor.view"),
        ("x[0]", "torch.Tensor.__getitem__"),
        ("x[0] = 9", "torch.Tensor.__setitem__"),
        ("x.to('meta').new_tensor(s).device", "torch.Tensor.new_tensor"),
        ("x.device", "torch.Tensor.device"),
        ("x + 1", "torch.add"),
        ("1 - x", "torch.sub"),
        ("-x", "torch.neg"),
        ("x == y", "torch.eq"),
        ("files_of(torch.save, x)", "torch.save"),
        ("loaded(x, mmap=True)", "torch.load"),
        ("under(torch.device('meta'), lambda: torch.ones(2))", "torch.ones"),
        ("alone(lambda: torch.distributed.barrier())", "torch.distributed.barrier"),
        ("graphs_of(torch.sin, x)", "torch.compile"),
        ("own_function(forward=lambda ctx, t: t).apply(r)", "torch.autograd.Function.apply"),
        ("[(l := nn.Linear(3, 2)).register_forward_hook(print), l(x)]", "torch.nn.Linear.register_forward_hook"),
        ("(1,) + torch.Size([2])", "torch.Size"),
        ("torchvision.ops.nms(x, v, 0.5)", "torchvision.ops.nms"),
        ("x.untyped_storage().is_pinned()", None),
        ("nn.ReLU().__dict__.keys()", None),
        ("sorted([3, 1])", None),
    ],
)
def test_a_call_is_about_a_name(code, name):
    assert subject(code) == name
