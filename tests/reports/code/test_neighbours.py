"""Whether what is built for torch goes with the torch that is asked for beside it."""

import pytest

from torchproof.releases import supported
from torchproof.reports.code.declared import declared
from torchproof.reports.code.neighbours import clashes, left_behind

RELEASES = tuple(supported())


@pytest.fixture
def asked(tmp_path):
    """What a project with a file of requirements, or with another file, declares."""

    def asked(text, name="requirements.txt"):
        (tmp_path / ".git").mkdir()
        (tmp_path / name).write_text(text.replace("; ", "\n") if name == "requirements.txt" else text, encoding="utf-8")
        return declared(tmp_path)

    return asked


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("torch==2.6.0; torchvision==0.15.2", "goes with torch 2.0, and torch==2.6.0 with torchvision 0.21"),
        ("torch==2.6.0; torchaudio==2.5.1", "goes with torch 2.5, and torch==2.6.0 with torchaudio 2.6"),
        ("torch<2.4; torchvision>=0.20", "goes with torch 2.5 to 2.15, and torch<2.4 with torchvision 0.15 to 0.18"),
        ("torch==1.13.1; torchvision==0.21.0", "goes with torch 2.6, and torch==1.13.1 with an older torchvision"),
        ("torch>=2.0; torchvision<0.15", "goes with an older torch, and torch>=2.0 with torchvision 0.15 to 0.29"),
        ("torch==2.13.0; torchaudio==2.13.0",
         "goes with a newer torch than is known here, and torch==2.13.0 with torchaudio 2.11"),
        ("torch==2.2.2; torchvision==0.17.1", "goes with torch 2.2.1, and torch==2.2.2 with torchvision 0.17.2"),
        ("torch==2.0.0; torchaudio==2.0.2", "goes with torch 2.0.1, and torch==2.0.0 with torchaudio 2.0.1"),
        ("torch==2.2.1.*; torchaudio==2.2.0", "goes with torch 2.2.0, and torch==2.2.1.* with torchaudio 2.2.1"),
        ("torchvision==0.15.2; torchaudio==2.6.0", "goes with torch 2.6, and torchvision==0.15.2 with torch 2.0"),
    ],
)  # fmt: skip
def test_what_is_built_for_another_torch_is_told_with_what_goes_with_either(asked, text, says):
    ((one, said),) = clashes(asked(text), RELEASES)
    assert (one.text, said) == (text.partition("; ")[2], says)


def test_what_conda_builds_may_go_with_any_patch(asked):
    text = "dependencies:\n- pytorch=2.4.0\n- torchvision=0.19.1\n"
    assert [*clashes(asked(text, "environment.yml"), RELEASES)] == []


@pytest.mark.parametrize(
    "text",
    [
        "torch==2.6.0; torchvision==0.21.0; torchaudio==2.6.0",
        "torch==2.6.0; torchvision",
        "torch>=2.0; torchvision==0.15.2",
        "torch; torchvision==0.14.1",
        "torch>=1.10; torchvision<0.15",
        "torch==1.13.1; torchvision==0.14.1",
        "torch==2.12.1; torchaudio==2.11.1",
        "torch==2.0.0; torchvision==0.15.1; torchaudio==2.0.1",
        "torch==2.4.*; torchvision==0.19.0",
        "torch>=2.4; torchvision==0.19.0",
        "torch==2.14.0; torchvision==0.29.2",
        "torch==2.14.1; torchvision==0.29.2",
        "torch>=2.15; torchvision>=0.30",
        "torch==2.16.0; torchvision==0.30.0",
        "torch<2.4,>=2.3; torchvision<=0.20,>0.17",
    ],
)
def test_what_may_go_together_is_no_matter(asked, text):
    assert [*clashes(asked(text), RELEASES)] == []


OLD, NEW = ["torch==2.2.2", "torchvision==0.17.2"], ["torch==2.6.0", "torchvision==0.21.0"]


def of_systems(darwin, others):
    lines = [*(f"{one}; sys_platform == 'darwin'" for one in darwin), *(f"{one}; os_name == 'nt'" for one in others)]
    return f"[project]\ndependencies = {lines}"


def of_groups(old, new):
    return f"[project]\ndependencies = []\n[dependency-groups]\nold = {old}\nnew = {new}"


@pytest.mark.parametrize("text", [of_systems, of_groups])
def test_what_holds_in_another_environment_or_group_does_not_stand_beside_it(asked, text):
    assert [*clashes(asked(text(OLD, NEW), "pyproject.toml"), RELEASES)] == []


@pytest.mark.parametrize("text", [of_systems, of_groups])
def test_what_holds_in_one_environment_or_group_stands_beside_it(asked, text):
    told = clashes(asked(text([OLD[0], NEW[1]], [NEW[0], OLD[1]]), "pyproject.toml"), RELEASES)
    assert [one.lines[0].specifiers.contains("0.21.0") for one, _ in told] == [True, False]


def test_what_an_extra_asks_for_stands_beside_what_is_always_asked_for(asked):
    text = "[project]\ndependencies = ['torch>=2.6']\noptional-dependencies.vision = ['torchvision<0.21']"
    ((one, said),) = clashes(asked(text, "pyproject.toml"), RELEASES)
    assert (one.group, said) == ("vision", "goes with torch 2.0 to 2.5, and torch>=2.6 with torchvision 0.21 to 0.29")


@pytest.mark.parametrize(
    ("text", "new", "says"),
    [
        ("torch>=2.0; torchvision==0.21.0", "2.15", ["goes with torch 2.6, and torch 2.15 with torchvision 0.29"]),
        ("torch>=2.0; torchvision<0.15", "2.0", ["goes with an older torch, and torch 2.0 with torchvision 0.15"]),
        ("torch>=2.0; torchvision>=0.21", "2.15", []),
        ("torch>=2.0; torchvision==0.31", "2.15", []),
        ("torchaudio==2.5.1", "2.8", ["goes with torch 2.5, and torch 2.8 with torchaudio 2.8"]),
    ],
)
def test_what_is_left_behind_by_another_torch_is_told(asked, text, new, says):
    assert [said for _, said in left_behind(asked(text), RELEASES, new)] == says


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (of_systems(["torchaudio<2.3"], ["torchaudio>=2.1"]), []),
        (of_groups(["torchaudio<2.3"], ["torchaudio<2.5"]), ["new"]),
        ("[project]\ndependencies = ['torchaudio<2.3']\noptional-dependencies.a = ['torchaudio<2.5']", [""]),
    ],
)
def test_what_is_left_behind_in_each_environment_is_told_once(asked, text, groups):
    assert [one.group for one, _ in left_behind(asked(text, "pyproject.toml"), RELEASES, "2.15")] == groups
