"""The code's own classes and functions where torch calls them, and words that a release refuses."""

import pytest

from torchproof.inventory import inventory
from torchproof.reports.code.catalog import catalog
from torchproof.reports.code.files import opened
from torchproof.reports.code.floor import floor
from torchproof.reports.code.uses import uses
from torchproof.reports.releases.names import STUCK, changes
from torchproof.reports.releases.touched import touched

HEAD = "import torch\nfrom torch import nn\n"


def told(path, old, new, kind="contract"):
    """What a change of release means for the code: for each certain change of a kind its lines and hint."""
    names = inventory()
    found = touched(path, changes(names, old, new) if kind in OF_NAMES else [], names, old, new)
    return [
        ([int(place.rpartition(":")[2]) for place in one.places], one.change.name, one.change.hint)
        for one in found.certain
        if one.change.kind == kind
    ]


def needs(path):
    """The floor of the code."""
    with opened([str(path)]) as found:
        return floor(found, inventory())


OF_NAMES = ("another base", "value refused")
LAYER = """
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(4, 2)

    def forward(self, tgt, memory, {more}):
        return tgt

"""
MASKS = "tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None"


def layer(use="nn.TransformerDecoder(Layer(), 2)", more=MASKS, before=""):
    return before + LAYER.format(more=more) + use + "\n"


@pytest.mark.parametrize(
    "use",
    [
        "nn.TransformerDecoder(Layer(), 2)",
        "nn.TransformerDecoder(num_layers=2, decoder_layer=Layer())",
        "layer = Layer()\nnn.TransformerDecoder(layer, 2)",
        "torch.nn.modules.transformer.TransformerDecoder(Layer(), 2)",
        "class Own(nn.TransformerDecoder):\n    def __init__(self):\n        super().__init__(Layer(), 2)",
        "class Below(Layer): pass\nnn.TransformerDecoder(Below(), 2)",
    ],
)
def test_a_layer_that_does_not_take_what_the_decoder_passes_breaks_at_its_forward(code, use):
    says = (
        "since 2.1, it passes memory_is_causal and tgt_is_causal, which forward of Layer does not take: "
        "add them, or **kwargs"
    )
    assert told(code(layer(use)), "2.0", "2.15") == [([9], "torch.nn.TransformerDecoder", says)]


@pytest.mark.parametrize(
    "more", ["**masks", "*masks, **more", f"{MASKS}, **kwargs", f"{MASKS}, tgt_is_causal=None, memory_is_causal=False"]
)
def test_a_layer_that_takes_it_is_not_told(code, more):
    assert told(code(layer(more=more)), "2.0", "2.15") == []


@pytest.mark.parametrize(("old", "new"), [("2.1", "2.15"), ("2.2", "2.3")])
def test_what_was_so_before_is_not_news(code, old, new):
    assert told(code(layer()), old, new) == []


def test_a_layer_of_torch_or_of_elsewhere_is_not_judged(code):
    text = (
        "import other\nclass Mine(other.Layer): pass\nnn.TransformerDecoder(Mine(), 2)\nnn.TransformerDecoder(x, 2)\n"
    )
    assert told(code(text), "2.0", "2.15") == []


def test_a_decorator_that_may_take_the_call_keeps_a_method_from_being_judged(code):
    text = layer().replace("    def forward", "    @wrapped\n    def forward")
    assert told(code(text), "2.0", "2.15") == []


def test_what_torch_reads_of_a_layer_has_to_be_there(code):
    text = layer(more="**masks").replace("self.self_attn", "self.attention")
    says = "since 2.1, it asks its decoder_layer for self_attn, which Layer has not"
    assert told(code(text), "2.0", "2.15") == [([4], "torch.nn.TransformerDecoder", says)]


def test_a_method_that_torch_no_longer_calls_has_no_effect(code):
    text = """
    class Plateau(torch.optim.lr_scheduler.ReduceLROnPlateau):
        def is_better(self, a, best):
            return a > best
    """
    says = "since 2.9, torch has and calls no such method: what overrides it has no effect"
    name = "torch.optim.lr_scheduler.ReduceLROnPlateau.is_better"
    assert told(code(text), "2.0", "2.15", "no longer called") == [([5], name, says)]
    assert told(code(text), "2.0", "2.8", "no longer called") == []


def test_a_method_that_became_abstract_is_missed_where_an_object_is_made(code):
    text = """
    from torch.distributed.checkpoint import StorageReader
    class Reader(StorageReader):
        def read_metadata(self): ...
        def set_up_storage_reader(self, metadata, is_coordinator): ...
        def prepare_local_plan(self, plan): ...
        def prepare_global_plan(self, plans): ...
        def read_data(self, plan, planner): ...
    """
    assert told(code(text), "2.0", "2.15") == []
    ((lines, name, says),) = told(code(text.rstrip() + "\n    Reader()\n"), "2.0", "2.15")
    assert (lines, name) == ([5], "torch.distributed.checkpoint.StorageReader")
    assert says.startswith("since 2.3, it makes no objects of Reader, which has no reset and validate_checkpoint_id")


STREAM = """
from torch.utils.data import IterableDataset
class Stream(IterableDataset[int]):
    def __len__(self): return 3
"""


@pytest.mark.parametrize(
    ("who", "use"),
    [
        ("Stream", "Stream()"),
        ("Own", "class Own(Stream): pass\nOwn()"),
        ("Own", "class Own(Stream, object): pass\nOwn()"),
    ],
)
def test_a_method_that_a_class_of_python_makes_abstract_is_missed(code, who, use):
    says = f"since 2.2, it makes no objects of {who}, which has no __iter__: add what is missing"
    ((_, *found),) = told(code(STREAM + use + "\n"), "2.1", "2.2")
    assert found == ["torch.utils.data.IterableDataset", says]


@pytest.mark.parametrize(
    "use",
    [
        "",
        "class Own(Stream):\n    def __iter__(self): ...\nOwn()",
        "from elsewhere import Mixin\nclass Own(Mixin, Stream): pass\nOwn()",
        "class Mixin:\n    def __iter__(self): ...\nclass Own(Stream, Mixin): pass\nOwn()",
        "class Own(Stream):\n    __iter__ = None\nOwn()",
    ],
)
def test_a_class_that_may_have_it_is_not_judged(code, use):
    assert told(code(STREAM + use + "\n"), "2.1", "2.2") == []


def test_what_is_called_abstract_where_python_looks_for_nothing_is_not_missed(code):
    text = "from torch.distributed.checkpoint import LoadPlanner\nclass Own(LoadPlanner): pass\nOwn()\n"
    assert told(code(text), "2.0", "2.15", STUCK) == []


def begun(code, body, bases="nn.Module", before=""):
    """The lines that set something too early, in a constructor of this body."""
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    path = code(f"{before}class Own({bases}):\n    def __init__(self):\n{lines}")
    known = catalog(inventory())
    return [use.line - 4 - before.count("\n") for use in uses(path).certain if use.duty and known.stuck(use)]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("self.w = nn.Parameter(torch.zeros(1))\nsuper().__init__()", 1),
        ("self.n = 3\nself.l: nn.Linear = nn.Linear(2, 2)\nsuper(Own, self).__init__()", 2),
        ("self.register_buffer('b', torch.zeros(1))\nnn.Module.__init__(self)", 1),
        ("self.l = nn.Linear(2, 2)", 1),
    ],
)
def test_what_is_set_before_a_module_has_begun_is_refused(code, body, line):
    assert begun(code, body) == [line]
    assert begun(code, body, "Above", "class Above(nn.Module): pass\n") == [line]


@pytest.mark.parametrize(
    ("body", "bases", "before"),
    [
        ("super().__init__()\nself.l = nn.Linear(2, 2)", "nn.Module", ""),
        ("self.l = [nn.Linear(2, 2)]\nself.t = torch.zeros(1)\nsuper().__init__()", "nn.Module", ""),
        ("prepare(self)\nself.l = nn.Linear(2, 2)", "nn.Module", ""),
        ("self.prepare()\nself.l = nn.Linear(2, 2)", "nn.Module", ""),
        ("self.l = nn.Linear(2, 2)", "Thing, nn.Module", "from elsewhere import Thing\n"),
        ("self.l = nn.Linear(2, 2)", "Above", "class Above(nn.Module, metaclass=Prepared): pass\n"),
        ("self.l = nn.Linear(2, 2)", "torch.utils.data.Dataset", ""),
    ],
)
def test_a_module_that_may_have_begun_is_not_judged(code, body, bases, before):
    assert begun(code, body, bases, before) == []


PLAIN = """
class Plain(torch.optim.Optimizer):
    def __init__(self, base):
        self.param_groups = base.param_groups
{more}
"""


def asked_of_plain(path, old, new):
    names = inventory()
    found = touched(path, [], names, old, new)
    return [one.change.hint for one in found.possible if one.change.kind == "contract"]


def test_an_optimizer_that_was_not_begun_has_no_state_to_save(code):
    path = code(PLAIN.format(more=""))
    says = "since 2.1, it runs no load_state_dict and no state_dict before its own __init__ has run: call "
    assert asked_of_plain(path, "2.0", "2.1") == [f"{says}super().__init__() in Plain"]
    assert asked_of_plain(path, "2.1", "2.15") == []


@pytest.mark.parametrize(
    "more",
    [
        "        super().__init__(base.param_groups, {})",
        "        torch.optim.Optimizer.__init__(self, base.param_groups, {})",
        "    def state_dict(self): ...\n    def load_state_dict(self, state): ...",
        "        self._optimizer_state_dict_pre_hooks = self._optimizer_load_state_dict_pre_hooks = {}",
    ],
)
def test_an_optimizer_that_was_begun_or_keeps_its_state_itself_is_not_judged(code, more):
    assert asked_of_plain(code(PLAIN.format(more=more)), "2.0", "2.1") == []


def test_what_older_releases_do_not_pass_sets_the_floor(code):
    path = code(layer(more=f"{MASKS}, *, tgt_is_causal, memory_is_causal"))
    found = needs(path)
    assert found.bounds.lowest == "2.1"
    assert "does not pass tgt_is_causal and memory_is_causal, which forward of Layer requires" in (
        found.bounds.floors["2.1"][0].words
    )


# --- classes of torch that are asked ----------------------------------------------------------------------------------

CHAINS = {
    "elif": "if isinstance(o, A): f()\nelif isinstance(o, B): g()",
    "returns": "def f(o):\n    if isinstance(o, A):\n        return 1\n    if isinstance(o, B):\n        return 2",
    "tuple": "if isinstance(o, (A, nn.Module)): f()\nelif isinstance(o, (nn.Linear, B)): g()",
    "match": "match o:\n    case A(): f()\n    case B(): g()",
    "table": "T = {A: 1, B: 2}\nfor cls, one in T.items():\n    if isinstance(o, cls):\n        break",
}
NAMES = "from torch.optim import Adam as A, AdamW as B\n"


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_a_class_that_got_another_base_takes_the_branch_of_that(code, chain):
    ((lines, name, _),) = told(code(NAMES + chain), "2.6", "2.7", "another base")
    assert name == "torch.optim.AdamW"
    assert len(lines) == 1


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_the_other_order_is_no_matter(code, chain):
    assert told(code(NAMES.replace("A,", "C,").replace("as B", "as A").replace("as C", "as B") + chain), "2.6", "2.7",
                "another base") == []  # fmt: skip


def test_questions_about_several_values_are_no_chain(code):
    text = "if isinstance(o, A): f()\nelif isinstance(p, B): g()\n"
    assert told(code(NAMES + text), "2.6", "2.7", "another base") == []


@pytest.mark.parametrize(
    "text",
    [
        "if isinstance(o, A) or isinstance(o, B): f()",
        "if isinstance(o, (A, B)): f()",
        "if isinstance(o, (A, B)): f()\nelif isinstance(o, B): g()",
        "if issubclass(o, B) or issubclass(o, A): f()\nelif issubclass(o, B): g()",
        "match o:\n    case A() | B(): f()",
        "match o:\n    case B(): f()\n    case A(): g()\n    case B(): h()",
    ],
)
def test_what_is_asked_at_once_or_is_decided_already_is_no_chain(code, text):
    assert told(code(NAMES + text), "2.6", "2.7", "another base") == []


@pytest.mark.parametrize(
    "text",
    [
        "if isinstance(o, B) and o.fused: f()\nelif isinstance(o, A): g()\nelif isinstance(o, B): h()",
        "match o:\n    case B() if o.fused: f()\n    case A(): g()\n    case B(): h()",
        "match o:\n    case B(fused=True): f()\n    case A(): g()\n    case B(): h()",
    ],
)
def test_a_question_with_more_to_it_decides_nothing(code, text):
    ((lines, _, _),) = told(code(NAMES + text), "2.6", "2.7", "another base")
    assert len(lines) == 1


def test_a_private_class_may_be_below_the_one_that_it_is_noted_as(code):
    head = "from torch.optim.lr_scheduler import LRScheduler, _LRScheduler, ReduceLROnPlateau\n"
    chain = "if isinstance(o, {}): f()\nelif isinstance(o, ReduceLROnPlateau): g()\n"
    ((_, name, _),) = told(code(head + chain.format("LRScheduler")), "2.0", "2.15", "another base")
    assert name == "torch.optim.lr_scheduler.ReduceLROnPlateau"
    assert told(code(head + chain.format("_LRScheduler")), "2.0", "2.15", "another base") == []


def test_questions_that_all_are_asked_are_no_chain(code):
    text = "if isinstance(o, A):\n    f()\nif isinstance(o, B):\n    g()\n"
    assert told(code(NAMES + text), "2.6", "2.7", "another base") == []


def test_what_torch_passes_in_all_releases_and_a_layer_does_not_take_is_a_mistake(code):
    path = code("""
        class Layer(nn.Module):
            def forward(self, src, src_mask=None, src_key_padding_mask=None):
                return src
        nn.TransformerEncoder(Layer(), 2)
    """)
    names = inventory()
    (found,) = touched(path, changes(names, "2.6", "2.15"), names, "2.6", "2.15").nowhere
    assert (found.change.kind, found.change.name) == (STUCK, "torch.nn.TransformerEncoder")
    assert found.change.hint == "passes is_causal, which forward of Layer does not take: add it, or **kwargs"
    assert told(path, "2.6", "2.15") == []


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "lowest"),
    [
        ('torch.autocast("mps")', "2.5"),
        ("torch.optim.AdamW(model.named_parameters())", "2.6"),
        ("named = model.named_parameters()\ntorch.optim.SGD(params=named, lr=1)", "2.6"),
        ('torch.autocast(device_type="mps", dtype=torch.float16)', "2.5"),
        ('DEVICE = "mps"\ntorch.amp.autocast(DEVICE)', "2.5"),
        ('torch.autocast("cuda")', "2.0"),
        ("torch.autocast(device)", "2.0"),
        ('torch.library.Library("mine", "FRAGMENT")', "2.1"),
    ],
)
def test_a_word_that_older_releases_refuse_sets_the_floor(code, call, lowest):
    assert needs(code(call)).bounds.lowest == lowest


def test_a_word_that_may_be_passed_is_possible(code):
    found = needs(code('device = "mps" if ready else "cpu"\ntorch.autocast(device)'))
    assert found.bounds.lowest == "2.0"
    assert any(dict(use.literals).get(0) == "mps" for use in found.uses.possible)


def test_a_word_that_a_release_ceased_to_take_breaks(code):
    path = code('torch.compile(f, backend="nvprims_nvfuser")\ntorch.compile(f, backend="eager")')
    ((lines, name, _),) = told(path, "2.0", "2.15", "value refused")
    assert (lines, name) == ([3], "torch.compile")
