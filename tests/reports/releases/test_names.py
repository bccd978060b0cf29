"""What is told of the releases themselves: nothing that is new is lost, and what is advised can be done."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache, singledispatch
from itertools import pairwise

import pytest

from torchproof.inventory import PACKAGES, inventory, is_private
from torchproof.reports.code.catalog import catalog, works
from torchproof.reports.code.uses import uses
from torchproof.reports.releases import defaults, needed, replacements
from torchproof.reports.releases.names import _EVERYWHERE, KINDS, _differ
from torchproof.reports.releases.names import changes as uncached
from torchproof.reports.releases.signatures import signatures

changes = cache(uncached)
RELEASES = inventory().releases
NEIGHBOURS = pytest.mark.parametrize(("old", "new"), list(pairwise(RELEASES)))
PAIRS = pytest.mark.parametrize(("old", "new"), [*pairwise(RELEASES), (RELEASES[0], RELEASES[-1])])


@PAIRS
def test_every_new_name_is_told_or_stands_in_what_is(old, new):
    found = changes(inventory(), old, new)
    told = {change.name for change in found if change.kind == "new"} | {change.to for change in found}
    public = inventory().public(new)

    def is_told(name):
        parts = name.split(".")
        return any(".".join(parts[:end]) in told for end in range(1, len(parts) + 1))

    born = [
        name
        for name, entry in public.items()
        if inventory().lacks(name, old) and not entry.raises and not is_private(name)
        and name.rpartition(".")[2] not in _EVERYWHERE
    ]  # fmt: skip
    assert [name for name in born if not is_told(name) and not is_told(public[name].alias or "")] == []


def takes(name, keyword, release):
    """Whether the release takes an argument by this keyword."""
    entry = inventory().find(name, release)
    for signature in entry.signatures:
        for one in signature.parameters:
            if one.kind == "**" or (one.name == keyword and one.kind in ("positional", "keyword")):
                return True
    return False


@PAIRS
def test_what_is_advised_is_taken(old, new):
    refused = []
    for change in (one for package in PACKAGES for one in changes(inventory(), old, new, package)):
        name = change.name
        if inventory().find(name, new) is None or inventory().find(name, new).kind == "setting":
            continue
        advised = re.findall(r"pass (\w+)=(?:\w+ to (torch[\w.]+))?", change.hint)
        refused += [(name, one) for one, other in advised if not takes(other or name, one, new)]
    assert refused == []


@PAIRS
def test_no_deprecated_parameter_is_advised(old, new):
    advised = [change for change in changes(inventory(), old, new) if change.kind == "default" and change.hint]
    assert [one for one in advised if defaults.is_deprecated(one.name, one.parameter)] == []


@NEIGHBOURS
def test_what_a_none_stands_for_is_known(old, new):
    """A release that gives a default up for None, or None for a default, is read and added to defaults.toml."""
    for change in changes(inventory(), old, new):
        if change.kind == "default" and "None" in (change.old, change.new) and change.parameter:
            sides = ((change.old, old), (change.new, new))
            assert None not in [defaults.meant(change.name, change.parameter, *side) for side in sides]


def test_a_function_that_is_dispatched_by_its_first_argument_has_all_forms():
    @singledispatch
    def f(name, types): ...

    @f.register
    def _(lib: list, name): ...

    assert list(signatures("torch.f", f, {})) == ["(name, types)", "(lib, name)"]
    told = [one for one in changes(inventory(), "2.1", "2.2") if one.name == "torch.library.impl"]
    assert {one.kind for one in told} == {"parameter added"}


def test_a_default_that_is_refused_is_none():
    required = type("_RequiredParameter", (), {})()

    def sgd(params, lr=required): ...

    assert list(signatures("torch.sgd", sgd, {})) == ["(params, lr)"]
    kinds = {(old, new): _kinds("torch.optim.SGD", "lr", old, new) for old, new in (("2.1", "2.2"), ("2.15", "2.0"))}
    assert kinds == {("2.1", "2.2"): {"parameter optional"}, ("2.15", "2.0"): {"parameter required"}}


def _kinds(name, parameter, old, new):
    return {one.kind for one in changes(inventory(), old, new) if (one.name, one.parameter) == (name, parameter)}


@pytest.mark.parametrize(("member", "word"), [("Mode.NEAREST_EXACT", "'nearest-exact'"), ("a.b.Mode.MEAN", "'mean'")])
def test_the_member_of_an_enumeration_is_the_word_that_it_stands_for(member, word):
    assert not _differ(member, word)
    assert not _differ(word, member)
    assert _differ(member, "'sum'")
    assert _differ(member, "1")


def test_a_word_that_warns_says_nothing_of_what_it_stands_for():
    assert defaults.meant("torch.f", "antialias", "'warn'", "2.0") is None
    resize = ("torchvision.transforms.Resize", "antialias", "'warn'", "2.0")
    assert defaults.meant(*resize) == "False"


def test_each_known_default_is_one_of_a_release():
    for (name, parameter), stands in defaults.known().items():
        texts = {
            one.default
            for _, entry in inventory().history(name)
            for signature in (entry.signatures if entry else ())
            for one in signature.parameters
            if one.name == parameter
        }
        assert {stand.text for stand in stands} <= texts, (name, parameter)


@pytest.mark.parametrize("name", sorted(replacements.known()))
def test_what_stands_for_a_gone_name_is_there(name):
    """In every release that lacks a name which another one before it has, or that was before all of them."""
    having = [_has(name, release) for release in RELEASES]
    assert not having[-1]
    is_older = True not in having
    assert name.endswith(")") or is_older is replacements.says(name).startswith("it was before 2.0")
    without = RELEASES if is_older else RELEASES[len(having) - having[::-1].index(True) :]
    assert [(one, release) for one in replacements.known()[name].to for release in without
            if inventory().find(one, release) is None] == []  # fmt: skip


def _has(name, release):
    name, _, parameter = name.rstrip(")").partition("(")
    entry = inventory().find(name, release)
    if entry is None or not parameter:
        return entry is not None and not entry.raises
    return any(one.name == parameter for signature in entry.signatures for one in signature.parameters)


def test_what_stands_for_a_gone_parameter_is_told_of_it():
    told = [one for one in changes(inventory(), "2.13", "2.14") if one.name == "torch.autograd.profiler.profile"]
    (gone,) = (part for one in told for part in one.parts or (one,) if part.kind == "parameter gone")
    assert (gone.parameter, gone.hint) == ("use_cuda", "pass use_device='cuda' in its place")


def test_what_stands_for_a_gone_name_is_told_of_it_and_of_its_members():
    assert replacements.says("torchvision.datapoints.Image").startswith("write torchvision.tv_tensors")
    (told,) = (one for one in changes(inventory(), "2.0", "2.1", "torchvision") if one.name == "torchvision.datapoints")
    assert told.hint == replacements.says(told.name)


def test_a_member_of_what_is_gone_is_told_where_it_is_if_it_is_still_there():
    gone = "torchvision.transforms.functional_tensor"
    assert replacements.says(f"{gone}.rgb_to_grayscale") == "write torchvision.transforms.functional.rgb_to_grayscale"
    assert replacements.says(f"{gone}._is_tensor_a_torch_image") == ""


@pytest.mark.parametrize("starry", sorted(replacements.starred()))
def test_what_stands_for_gone_names_with_a_star_is_there(starry):
    package = starry.partition(".")[0]
    hints = [
        change.hint
        for old, new in pairwise(RELEASES)
        for change in changes(inventory(), old, new, package)
        if change.kind == "gone" and fnmatchcase(change.name, starry)
    ]
    assert sum(map(bool, hints)) > len(hints) * 0.9 > 0


def test_of_names_with_a_star_that_fit_that_counts_whose_other_name_is_there():
    functional = "torchvision.transforms.v2.functional"
    assert replacements.says(f"{functional}.get_spatial_size_image_tensor") == f"write {functional}.get_size_image"
    assert replacements.says(f"{functional}.crop_image_tensor") == f"write {functional}.crop_image"
    assert replacements.says(f"{functional}.crop_of_nothing_image_tensor") == ""


def test_what_stands_for_an_attribute_is_told_of_the_parameter_that_gave_it():
    launch = "torch.distributed.launcher.LaunchConfig"
    told = {one.parameter: one.hint for one in changes(inventory(), "2.0", RELEASES[-1]) if one.name == launch}
    assert told["log_dir"] == replacements.says(f"{launch}.log_dir")


def test_the_words_of_a_release_between_are_told_of_what_is_gone():
    (told,) = (
        one for one in changes(inventory(), "2.6", RELEASES[-1]) if one.name == "torch.onnx.verification.find_mismatch"
    )
    assert "is deprecated" in told.hint


def test_what_stands_for_a_name_that_only_raises_is_told_in_place_of_its_words(tmp_path):
    (tmp_path / "code.py").write_text("import torch\ntorch.symeig(1)\n", encoding="utf-8")
    (use,) = uses(tmp_path).certain
    assert catalog(inventory()).stuck(use) == f"torch.symeig only raises: {replacements.says('torch.symeig')}"


def test_what_to_pass_in_the_place_of_a_parameter_of_before_the_oldest_release_is_told(tmp_path):
    calls = ["transforms.RandomRotation(3, resample=2)", "utils.make_grid(1, range=(0, 1))"]
    code = "\n".join(["from torchvision import transforms, utils", *calls])
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    told = [works(use, inventory(), RELEASES[-1]) for use in uses(tmp_path).certain if use.how == "called"]
    assert [one.rpartition("pass ")[2].rstrip(")") for one in told] == [
        "interpolation in its place",
        "value_range in its place",
    ]


def test_a_module_is_not_called(tmp_path):
    calls = ["checkpoint(f, 1)", "torch.hub(1)", "torch.quantization.fx.fuse(1)"]
    code = "\n".join(["import torch", "from torch.utils import checkpoint", *calls])
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    told = {catalog(inventory()).stuck(use) for use in uses(tmp_path).certain}
    assert told - {None} == {
        "torch.utils.checkpoint is a module, which cannot be called: did you mean torch.utils.checkpoint.checkpoint?",
        "torch.hub is a module, which cannot be called",
    }


def _word(change):
    """The word that a parameter takes or refuses now, or the other base: there may be several of one name."""
    return (change.old, change.new) if change.kind in ("value refused", "value taken", "another base") else None


@PAIRS
def test_nothing_is_told_twice(old, new):
    found = changes(inventory(), old, new)
    assert len(found) == len({(one.kind, one.name, one.parameter, _word(one)) for one in found})
    assert found == sorted(found, key=lambda change: KINDS.index(change.kind))


@pytest.mark.parametrize("package", ["torchaudio", "torchvision"])
@pytest.mark.parametrize(("old", "new"), [("2.0", "2.15"), ("2.8", "2.15"), ("2.15", "2.8")])
def test_a_package_that_has_names_of_torch_is_compared(package, old, new):
    found = changes(inventory(), old, new, package)
    assert found
    assert all(change.name.startswith(f"{package}.") for change in found)


def test_what_needs_another_package_is_told_once_it_does():
    needs = {
        change.name: change.new
        for change in changes(inventory(), "2.8", "2.9", "torchaudio")
        if change.kind == "package required"
    }
    assert needs == {"torchaudio.load": "torchcodec", "torchaudio.save": "torchcodec"}
    assert not [one for one in changes(inventory(), "2.9", "2.10", "torchaudio") if one.kind == "package required"]


def test_what_a_call_ignores_is_told_once_it_does():
    ignored = {
        (change.name.rpartition(".")[2], change.parameter): change.calls
        for change in changes(inventory(), "2.8", "2.15", "torchaudio")
        if change.kind == "parameter ignored"
    }
    of_both = {(name, one): one for name in ("load", "save") for one in ("backend", "buffer_size", "format")}
    of_save = {("save", one): one for one in ("bits_per_sample", "encoding")}
    assert ignored == {**of_both, **of_save, ("load", "normalize"): "normalize=False"}
    assert not [one for one in changes(inventory(), "2.9", "2.10", "torchaudio") if one.kind == "parameter ignored"]


@pytest.mark.parametrize(
    ("call", "is_refused"),
    [
        ("torch.stft(x, 400, 100)", True),
        ("torch.zeros(9).stft(4)", True),
        ("torch.stft(x, 40, 10, 40, w, True, 'reflect', False, True)", True),
        ("torch.stft(x, 40, 10, 40, w, True, 'reflect', False, True, True)", False),
        ("torch.stft(x, 400, return_complex=False)", False),
        ("torch.stft(x, 400, **options)", False),
        ("torch.stft(x.to(torch.cfloat), 400)", False),
        ("torch.linspace(0, 1)", True),
        ("torch.linspace(0, end=1)", True),
        ("torch.logspace(0, 1, 5)", False),
        ("torch.linspace(*ends)", False),
        ("torch.istft(torch.view_as_real(y), 8)", True),
        ("z = torch.stft(x, 8, return_complex=False)\ntorch.istft(n_fft=8, input=z)", True),
        ("torch.istft(torch.zeros(5, 3, 2, dtype=torch.float64), 8)", True),
        ("z = torch.stft(x, 8, return_complex=True)\ntorch.istft(z, 8)", False),
        ("torch.istft(torch.zeros(5, 3, dtype=torch.complex64), 8)", False),
        ("z = torch.view_as_real(y)\nz = torch.view_as_complex(z)\ntorch.istft(z, 8)", False),
        ("torch.istft(z, 8)", False),
    ],
)
def test_what_may_be_left_out_by_the_signature_and_is_needed(tmp_path, call, is_refused):
    (tmp_path / "code.py").write_text(f"import torch\ntorch.ones(3)\n{call}\n", encoding="utf-8")
    assert any(map(catalog(inventory()).stuck, uses(tmp_path).certain)) == is_refused


def test_what_is_needed_has_a_parameter_and_a_release():
    for name, rows in needed.known().items():
        entry = inventory().find(name, RELEASES[-1])
        for one in rows:
            assert any(one.parameter in {each.name for each in signature.parameters} for signature in entry.signatures)
            assert one.since in ("0", *RELEASES)
