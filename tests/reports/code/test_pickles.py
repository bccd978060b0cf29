"""Which loads are sure to be refused, by what the code saves to the same target."""

import textwrap

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code.catalog import works
from torchproof.reports.code.uses import uses

HEAD = """\
import io, os, pickle
import torch
from torch import nn

class Net(nn.Module):
    pass

model = Net()
"""
RUN = """
class Run:
    def __init__(self, path):
        self.net, self.path = Net(), path
    def save(self): torch.save(self.net, self.path)
    def load(self): return torch.load(self.path)
"""
REFUSED = {
    "text": "torch.save(model, 'model.pt')\ntorch.load('model.pt')",
    "name": "PATH = 'model.pt'\ntorch.save(model, PATH)\ntorch.load(PATH, map_location='cpu')",
    "name of more": "PATH = os.path.join(root, 'model.pt')\ntorch.save(model, PATH)\ntorch.load(PATH)",
    "parameter": "def f(path):\n    torch.save(model, path)\n    torch.load(path)",
    "written twice": "def f(out):\n    torch.save(model, f'{out}/a.pt')\n    torch.load(f'{out}/a.pt')",
    "buffer": "b = io.BytesIO()\ntorch.save(nn.Linear(1, 2), b)\ntorch.load(b)",
    "by name": "torch.save(obj=model, f='model.pt')\ntorch.load(f='model.pt')",
    "in a dict": "torch.save({'epoch': 1, 'model': model}, 'a.pt')\ntorch.load('a.pt')",
    "optimizer": "torch.save(torch.optim.SGD(model.parameters(), lr=1), 'a.pt')\ntorch.load('a.pt')",
    "annotated": "def f(net: nn.Module, path):\n    torch.save(net, path)\n    torch.load(path)",
    "attribute": RUN,
    "array": "import numpy as np\ntorch.save({'x': np.zeros(3)}, 'a.pt')\ntorch.load('a.pt')",
    "array of a tensor": "torch.save(torch.zeros(1).numpy(), 'a.pt')\ntorch.load('a.pt')",
    "plain class": "class Own:\n    pass\ntorch.save(Own(), 'a.pt')\ntorch.load('a.pt')",
    "other handler": "torch.save(model, 'a.pt')\ntry:\n    torch.load('a.pt')\nexcept OSError:\n    pass",
}
NOT_SURE = {
    "state": "torch.save(model.state_dict(), 'a.pt')\ntorch.load('a.pt')",
    "state in a dict": "torch.save({'model': model.state_dict()}, 'a.pt')\ntorch.load('a.pt')",
    "tensor": "torch.save(nn.Parameter(torch.zeros(1)), 'a.pt')\ntorch.load('a.pt')",
    "not known": "def f(net, path):\n    torch.save(net, path)\n    torch.load(path)",
    "other target": "torch.save(model, 'a.pt')\ntorch.load('b.pt')",
    "both": "torch.save(model, 'a.pt')\ntorch.save(model.state_dict(), 'a.pt')\ntorch.load('a.pt')",
    "said": "torch.save(model, 'a.pt')\ntorch.load('a.pt', weights_only=False)",
    "said perhaps": "torch.save(model, 'a.pt')\ntorch.load('a.pt', **options)",
    "pickle": "torch.save(model, 'a.pt')\ntorch.load('a.pt', pickle_module=pickle)",
    "allowed": "torch.serialization.add_safe_globals([Net])\ntorch.save(model, 'a.pt')\ntorch.load('a.pt')",
    "switched": "os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'\ntorch.save(model, 'a.pt')\ntorch.load('a.pt')",
    "handled": "torch.save(model, 'a.pt')\ntry:\n    torch.load('a.pt')\nexcept Exception:\n    pass",
    "bound anew": "def f(path):\n    torch.save(model, path)\n    path = path + '2'\n    torch.load(path)",
    "made anew": "def f():\n    torch.save(model, name())\n    torch.load(name())",
    "other function": "def f(path):\n    torch.save(model, path)\ndef g(path):\n    torch.load(path)",
    "script": "torch.save(torch.jit.script(model), 'a.pt')\ntorch.load('a.pt')",
    "own reduction": "class Own:\n    def __reduce__(self): pass\ntorch.save(Own(), 'a.pt')\ntorch.load('a.pt')",
    "attribute of a class below": RUN + "class Other(Run):\n    net = {}",
    "unknown base": "import lib\nclass Own(lib.B):\n    pass\ntorch.save(Own(), 'a.pt')\ntorch.load('a.pt')",
    "patched": "torch.load = own\ntorch.save(model, 'a.pt')\ntorch.load('a.pt')",
}


@pytest.fixture
def refusing(tmp_path):
    """The releases in which some load of a file is sure to be refused."""

    def refusing(code: str) -> list[str]:
        (tmp_path / "code.py").write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
        loads = [use for use in uses(tmp_path).certain if use.name == "torch.load"]
        return [release for release in inventory().releases if any(works(use, inventory(), release) for use in loads)]

    return refusing


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_what_is_saved_whole_is_refused_since_the_default_changed(refusing, code):
    releases = inventory().releases
    assert refusing(code) == [*releases[releases.index("2.6") :]]


@pytest.mark.parametrize("code", NOT_SURE.values(), ids=NOT_SURE)
def test_what_is_not_sure(refusing, code):
    assert refusing(code) == []


def test_files_of_one_folder_mean_the_same_by_a_text(tmp_path):
    (tmp_path / "train.py").write_text(HEAD + "torch.save(model, 'a.pt')\n", encoding="utf-8")
    (tmp_path / "use.py").write_text("import torch\ntorch.load('a.pt')\n", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other.py").write_text("import torch\ntorch.load('a.pt')\n", encoding="utf-8")
    loads = {use.file.rpartition("/")[2]: use for use in uses(tmp_path).certain if use.name == "torch.load"}
    assert works(loads["use.py"], inventory(), "2.6")
    assert works(loads["other.py"], inventory(), "2.6") is None
