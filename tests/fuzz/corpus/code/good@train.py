import torch
import torch.nn.functional as F
from packaging.version import Version
from torch import nn

if Version(torch.__version__) >= Version("2.6"):
    from torch.optim.lr_scheduler import StepLR
else:
    StepLR = None


class Net(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        self.layer = nn.Linear(size, size, bias=False)

    def forward(self, x: torch.Tensor):
        x = self.layer(x).view(-1, 3)
        for i in range(3):
            x = F.softmax(x, dim=1) if i else x.align_as(x)
        return x


def train(path, *args, **kwargs):
    state = torch.load(path, **kwargs)
    with torch.autocast("cuda", dtype=torch.float16):
        scheduler = StepLR(torch.optim.SGD([], lr=0.1), 3, verbose=True)
    try:
        return {k: v for k, v in state.items()}, scheduler, [torch.add(y, 1) for y in args]
    except RuntimeError as error:
        raise ValueError(f"{error!r}") from error


if __name__ == "__main__":
    train("f", weights_only=True)
