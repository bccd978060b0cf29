"""What projects declare about torch: each kind of file, each way to write a version, and what cannot be read."""

import textwrap

import pytest

from torchproof.releases import supported
from torchproof.reports.code.declared import declared, together

RELEASES = tuple(supported())


@pytest.fixture
def project(tmp_path):
    """A project's folder, from its files."""

    def project(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
            path.write_bytes(data)
        (tmp_path / ".git").mkdir(exist_ok=True)
        return tmp_path

    return project


def spans(path):
    """The first and the last release that each range of the file that counts allows."""
    ranges = [one.allowed(RELEASES) for one in declared(path).ranges()]
    return [(allowed[0], allowed[-1]) if allowed else None for allowed in ranges]


LAST = RELEASES[-1]
FILES = {
    "dependencies": ("pyproject.toml", "[project]\ndependencies = ['numpy', 'torch>=2.1']"),
    "optional": ("pyproject.toml", "[project.optional-dependencies]\nall = ['torch>=2.1']"),
    "what is no text": ("pyproject.toml", "[project]\ndependencies = ['torch>=2.1', 3]"),
    "group of itself": ("pyproject.toml", "[dependency-groups]\ndev = ['torch>=2.1', {include-group='dev'}, {x=1}]"),
    "group": ("pyproject.toml", "[dependency-groups]\ntest = ['pytest', 'torch>=2.1']\ndev = [{include-group='test'}]"),
    "flit": ("pyproject.toml", "[tool.flit.metadata]\nrequires = ['torch>=2.1']"),
    "pdm": ("pyproject.toml", "[tool.pdm.dev-dependencies]\ndev = ['torch>=2.1']"),
    "hatch": ("pyproject.toml", "[tool.hatch.envs.default]\ndependencies = ['torch>=2.1']"),
    "uv": ("pyproject.toml", "[tool.uv]\ndev-dependencies = ['torch>=2.1']"),
    "poetry": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = '>=2.1'"),
    "poetry's table": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = {version = '>=2.1', optional = true}"),
    "poetry's group": ("pyproject.toml", "[tool.poetry.group.ml.dependencies]\ntorch = '>=2.1'"),
    "pixi in pyproject": ("pyproject.toml", "[tool.pixi.dependencies]\npytorch = '>=2.1'"),
    "build": ("pyproject.toml", "[build-system]\nrequires = ['setuptools', 'torch>=2.1']"),
    "setup.cfg": ("setup.cfg", "[options]\ninstall_requires =\n    numpy\n    torch>=2.1"),
    "extra of setup.cfg": ("setup.cfg", "[options.extras_require]\nall =\n    torch>=2.1"),
    "nbdev": ("settings.ini", "[DEFAULT]\nlib_name = x\nrequirements = fastcore>=1.5 torch>=2.1 numpy, einops"),
    "nbdev with blanks": ("settings.ini", "[DEFAULT]\nrequirements = pip torch >= 2.1 numpy"),
    "Pipfile": ("Pipfile", "[packages]\ntorch = '>=2.1'"),
    "Pipfile's marker": ("Pipfile", "[packages]\ntorch = {version = '>=2.1', sys_platform = \"== 'linux'\"}"),
    "Pipfile's table": ("Pipfile", "[packages]\ntorch = {version = '>=2.1', index = 'pytorch'}"),
    "pixi": ("pixi.toml", "[dependencies]\npython = '3.11.*'\npytorch = '>=2.1'"),
    "pixi's feature": ("pixi.toml", "[feature.cuda.pypi-dependencies]\ntorch = { version = '>=2.1' }"),
    "pixi's target": ("pixi.toml", "[target.linux-64.dependencies]\npytorch = '>=2.1'"),
    "requirements": ("requirements.txt", "numpy\ntorch>=2.1  # everywhere"),
    "extras": ("requirements.txt", "torch[opt-einsum]>=2.1"),
    "parentheses": ("requirements.txt", "torch (>=2.1)"),
    "byte order mark": ("requirements.txt", "\ufefftorch>=2.1"),
    "UTF-16": ("requirements.txt", "torch>=2.1\r\n".encode("utf-16")),
    "another name": ("requirements-gpu.txt", "torch>=2.1"),
    "folder": ("requirements/base.txt", "torch>=2.1"),
    "environment": ("environment.yml", "name: x\ndependencies:\n  - python=3.11\n  - pytorch>=2.1"),
    "comments of conda": ("environment.yml", "# of x\n\ndependencies:\n  - = what\n  - pytorch>=2.1"),
    "environment's pip": ("environment.yaml", "dependencies:\n- pip\n- pip:\n  - torch>=2.1\n- numpy"),
    "channel": ("environment.yml", "dependencies:\n  - pytorch::pytorch>=2.1 # gpu"),
    "quotes": ("environment.yml", "dependencies:\n  - 'pytorch>=2.1'"),
    "flow over lines": ("environment.yml", "dependencies: [python=3.11,\n  'pytorch>=2.1']"),
    "alias": ("environment.yml", "x: &all\n- pip:\n  - torch>=2.1\ndependencies: *all"),
    "flow": ("environment.yml", "dependencies: [python=3.11, 'pytorch>=2.1']"),
    "recipe": ("recipe/meta.yaml", "requirements:\n  run:\n    - python\n    - pytorch >=2.1  # [linux]"),
    "PKG-INFO": ("PKG-INFO", "Metadata-Version: 2.1\nName: x\nRequires-Dist: torch>=2.1"),
    "Dockerfile": ("Dockerfile", "FROM python:3.11\nRUN apt update && pip install --no-cache \\\n  numpy 'torch>=2.1'"),
    "tox": ("tox.ini", "[tox]\nenvlist = a\n[testenv:a]\ndeps =\n    pytest\n    {env:TORCH:torch>=2.1}"),
    "tox.toml": ("tox.toml", "[env.a]\ndeps = ['torch>=2.1', {replace = 'ref'}]"),
    "tox in pyproject": ("pyproject.toml", "[tool.tox.env_run_base]\ndeps = ['torch>=2.1']"),
    "tox.ini in pyproject": ("pyproject.toml", "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ndeps = torch>=2.1\n'''"),
    "nox": ("noxfile.py", "def tests(session):\n    session.install('-e', '.', 'torch>=2.1')"),
    "workflow": (".github/workflows/test.yml", "steps:\n  - run: python -m pip install -e . 'torch>=2.1'"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), FILES.values(), ids=FILES)
def test_files_that_declare(project, name, text):
    path = project({name: text, "code.py": "import torch"})
    assert spans(path) == [("2.1", LAST)]
    assert declared(path).unread == ()


_NOX = """
    VERSIONS = [("2.2.0", "0.17.0"), nox.param("2.10.0", "0.25.0", id="new")]

    @nox.session
    @nox.parametrize("torch, vision", VERSIONS)
    def tests(session, torch, vision):
        session.install(f"torch=={torch}", "torchvision==" + vision)
"""
_TABLE = """
    TORCHES = {"old": "torch~=2.2.0", "new": "torch~=2.10.0"}

    @nox.session
    @nox.parametrize("version", [nox.param(one, id=one) for one in TORCHES])
    def tests(session, version):
        session.install(TORCHES[version], "-e", ".")
"""
_INCLUDED = """
    strategy:
      matrix:
        include:
          - { torch: "2.2.0", python: "3.11" }
          - { torch: 2.10.0, python: "3.14" }
    steps:
      - run: |
          # pip install torch==2.0
          pip install numpy \\
            torch==${{ matrix.torch }} --index-url https://download.pytorch.org/whl/cpu
"""
_NOTEBOOK = """{"cells": [
    {"cell_type": "markdown", "source": ["!pip install torch==2.0"]},
    {"cell_type": "code", "source": ["import torch\\n", "!pip install -q torch==2.2.1 \\\\\\n", "  numpy"]},
    {"cell_type": "code", "source": "%pip install torch==2.10\\n# !pip install torch==2.1"}
]}"""
_WORKFLOW = ".github/workflows/test.yml"
MATRICES = {
    "tox": ("tox.ini", "[testenv]\ndeps =\n  py310-{a,b}: torch~=2.2.0\n  !a: torch==2.10.*\n  b: torchvision"),
    "nox": ("noxfile.py", _NOX),
    "conda of nox": ("noxfile.py", _NOX.replace('.install(f"torch==', '.conda_install(f"pytorch=')),
    "workflow": (_WORKFLOW, "torch: ['2.2', '2.10', nightly]\nrun: pip install torch==${{ matrix.torch }}"),
    "list": (_WORKFLOW, "m:\n  - 2.2.1\n  - '2.10'\nrun: pip install torch==${{matrix.m}}+cpu ${{ env.x }}"),
    "included": (_WORKFLOW, _INCLUDED),
    "environment": (_WORKFLOW, "t: ['2.2', '2.10']\nenv:\n  T: ${{ matrix.t }}\nrun: pip install torch==${T}.*"),
    "table": ("noxfile.py", _TABLE),
    "notebook": ("a.ipynb", _NOTEBOOK),
}


@pytest.mark.parametrize(("name", "text"), MATRICES.values(), ids=MATRICES)
def test_a_matrix_has_any_of_its_versions(project, name, text):
    (said,) = declared(project({name: text, "code.py": "import torch"})).ranges()
    assert said.allowed(RELEASES) == ["2.2", "2.10"]


_EXCLUDED = """
    jobs:
      test:
        strategy:
          matrix:
            python: &pythons ["3.11", "3.12"]
            torch: [{base: 2.2.0}, {base: 2.10.0}, {base: 2.6.0}]
            exclude:
              - torch: {base: 2.6.0}
            include:
              - torch: {base: 2.2.1}
                python: "3.11"
        steps:
          - run: pip install torch==${{ matrix.torch.base }}
"""
_GITLAB = """
    .install: &install
      - pip install --upgrade pip
      - pip install torch==${TORCH}
    test:
      parallel:
        matrix:
          - TORCH: ["2.2.0", "2.10.0"]
            PYTHON: ["3.11"]
      script: *install
"""
_AZURE = """
    jobs:
      - job: test
        strategy:
          matrix:
            old: {torch.version: 2.2.0}
            new: {torch.version: 2.10.0}
        steps:
          - script: |
              python -m pip install torch==$(torch.version)
"""
_CIRCLE = """
    jobs:
      test:
        parameters: {torch: {type: string}}
        steps:
          - checkout
          - run:
              name: install
              command: pip install torch==<< parameters.torch >>
    workflows:
      all:
        jobs:
          - test:
              matrix:
                parameters:
                  torch: ["2.2.0", "2.10.0"]
"""
_COMPOSE = """
    services:
      old: {image: "pytorch/pytorch:2.2.0-cuda11.8-cudnn8-runtime"}
      new:
        image: pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime
        command: python train.py
"""
PIPELINES = {
    "GitHub's exclude": (_WORKFLOW, _EXCLUDED),
    "GitLab": (".gitlab-ci.yml", _GITLAB),
    "Azure": ("azure-pipelines.yml", _AZURE),
    "CircleCI": (".circleci/config.yml", _CIRCLE),
    "compose": ("docker-compose.yml", _COMPOSE),
}


@pytest.mark.parametrize(("name", "text"), PIPELINES.values(), ids=PIPELINES)
def test_a_pipeline_has_any_of_the_versions_of_its_jobs(project, name, text):
    (said,) = declared(project({name: text, "code.py": "import torch"})).ranges()
    assert said.allowed(RELEASES) == ["2.2", "2.10"]


def test_the_line_of_a_command_of_a_pipeline_is_told(project):
    said = declared(project({_WORKFLOW: "run: |\n  # torch\n  pip install \\\n    numpy\n  pip install torch==2.2\n"}))
    assert [one.place for one in said.ranges()] == ["workflows/test.yml:5"]


_CELLS = """
    jobs:
      test:
        strategy:
          matrix:
            python-version: ["3.9", "3.13"]
            torch: ["2.3.1", "2.6.0"]
        {more}
        steps:
          - uses: actions/setup-python@v5
            with: {python-version: "${{ matrix.python-version }}"}
          - run: pip install torch{how}${{ matrix.torch }}
            {if}
"""


def cells(**said):
    text = _CELLS
    for name, words in {"more": "", "how": "==", "if": "", **said}.items():
        text = text.replace("{" + name + "}", words)
    return text


def test_an_environment_of_a_matrix_without_wheels_is_told(project):
    told = declared(project({_WORKFLOW: cells()})).cells
    assert [(one.text, one.place) for one in told] == [("Python 3.13 with torch==2.3.1", "workflows/test.yml:12")]


@pytest.mark.parametrize(
    "said",
    [
        {"if": "if: matrix.python-version == '3.9'"},
        {"more": "if: github.event == 'push'"},
        {"how": ">="},
        {"how": "==2.6.0 --pre  # "},
        {"more": "continue-on-error: true", "how": "==2.6.0  # "},
    ],
)
def test_an_environment_that_may_not_be_made_or_may_be_had_is_none_without_wheels(project, said):
    assert declared(project({_WORKFLOW: cells(**said)})).cells == ()


def test_the_python_of_an_image_of_a_job_counts_too(project):
    text = "test:\n  image: python:3.13-slim\n  script:\n    - pip install torch==2.3.1 torchvision\n"
    assert [one.text for one in declared(project({".gitlab-ci.yml": text})).cells] == ["Python 3.13 with torch==2.3.1"]


_BOMB = "torch: &a [x, x]\n" + "".join(
    f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("run: [torch", "is no YAML: line 1"),
        ("torch:\n\t- a", "is no YAML: line 2"),
        ("torch: &a [*a]", "has a value that stands in itself"),
        ("torch: " + "[" * 5_000, "is nested too deeply"),
        ("torch: x\n" * 40_000, "has more than 262,144 characters"),
    ],
)
def test_a_pipeline_that_cannot_be_read_says_why(project, text, reason):
    assert declared(project({_WORKFLOW: text})).unread == (f"workflows/test.yml: {reason}",)


def test_what_stands_for_ever_more_values_is_read_in_a_moment(project):
    assert not declared(project({_WORKFLOW: f"{_BOMB}run: pip install torch==$X\nX: *i\n"})).cells


def test_a_number_of_yaml_has_no_trailing_zero(project):
    said = declared(project({_WORKFLOW: "torch: [2.10]\nrun: pip install torch==${{ matrix.torch }}"}))
    assert [one.text for one in said.ranges()] == ["torch==2.1"]


def test_what_a_workflow_puts_together_is_not_read(project):
    said = declared(project({_WORKFLOW: "run: pip install torch==$(cat x) torch==${{ needs.x.outputs.y }} ${Y}"}))
    assert said.unread == (
        "workflows/test.yml:1: torch==$(cat x) is put together as the workflow runs",
        "workflows/test.yml:1: torch==${{ needs.x.outputs.y }} is put together as the workflow runs",
    )


def test_what_a_notebook_that_is_asked_about_installs_is_told(project):
    path = project({"a.ipynb": _NOTEBOOK, "b.ipynb": _NOTEBOOK.replace("2.10", "2.11"), "setup.py": "setup()"})
    (said,) = declared(path / "a.ipynb").ranges()
    assert said.allowed(RELEASES) == ["2.2", "2.10"]


@pytest.mark.parametrize("text", ['{"cells": [', "[1, 2]"])
def test_a_notebook_that_cannot_be_read_is_told_by_the_reader_of_code_alone(project, text):
    assert declared(project({"a.ipynb": text})).unread == ()


def test_a_command_longer_than_anybody_writes_is_no_matter(project):
    assert not declared(project({_WORKFLOW: f"run: pip install torch==2.1 {'${{ ' * 20_000}"})).torch


def test_what_is_tested_with_comes_after_what_an_extra_asks_for(project):
    files = {"pyproject.toml": "[project.optional-dependencies]\nall = ['torch>=2.4']", "noxfile.py": _NOX}
    assert list(declared(project(files)).torch) == ["pyproject.toml", "noxfile.py"]


def test_a_torch_without_a_version_is_none_of_a_matrix(project):
    said = declared(project({"tox.ini": "[testenv]\ndeps = torch", _WORKFLOW: "run: pip install torch"}))
    assert not said.torch
    assert not said.unread


POETRY = "[tool.poetry]\nname = 'x'\n[tool.poetry.dependencies]\ntorch = {version = '>=2.1', optional = true}\n"
HELPER = """\
    import re
    from setuptools import setup
    _deps = ["Pillow", "torch>=2.1", "torchaudio", "numpy>=1.17"]
    deps = {b: a for a, b in (re.findall(r"^(([^!=<>~ ]+)(?:[!=<>~ ].*)?$)", x)[0] for x in _deps)}
    def some(*names):
        return [deps[name] for name in names]
    extras = {}
    extras["vision"] = some("Pillow")
    extras["ml"] = some("torch", "torchaudio")
    extras["dev"] = extras["vision"] + extras["ml"]
    setup(extras_require=extras, install_requires=[deps["numpy"]])
    """
EXTRAS = {
    "pyproject": ("pyproject.toml", "[project.optional-dependencies]\nml = ['torch>=2.1']\nall = ['torch>=2.1']"),
    "poetry": ("pyproject.toml", f"{POETRY}[tool.poetry.extras]\nml = ['torch', 'numpy']\nall = ['torch']"),
    "poetry's group": ("pyproject.toml", "[tool.poetry.group.ml]\noptional=true\ndependencies = {torch = '>=2.1'}"),
    "setup.cfg": ("setup.cfg", "[options]\ninstall_requires = numpy\n[options.extras_require]\nml = torch>=2.1"),
    "dict": ("setup.py", "NEEDS = ['torch>=2.1']\nsetup(extras_require={'ml': NEEDS, 'all': NEEDS + ['scipy']})"),
    "unpacked": ("setup.py", "NEEDS = ['torch>=2.1']\nsetup(extras_require=dict(ml=['scipy', *NEEDS]))"),
    "by key": ("setup.py", "extras = {'x': ['y']}\nextras['ml'] = ['torch>=2.1']\nsetup(extras_require=extras)"),
    "function": ("setup.py", "def made():\n    return {'ml': ['torch>=2.1']}\nsetup(extras_require=made())"),
    "helper": ("setup.py", HELPER),
    "metadata": ("PKG-INFO", "Name: x\nProvides-Extra: ml\nRequires-Dist: torch>=2.1; extra == 'ml'"),
    "metadata's marker": (
        "PKG-INFO",
        "Name: x\nRequires-Dist: torch>=2.1; python_version >= '3.9' and (sys_platform == 'linux' and extra == 'ml')",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), EXTRAS.values(), ids=EXTRAS)
def test_the_extra_that_asks_for_it_is_named(project, name, text):
    path = project({name: text})
    assert spans(path) == [("2.1", LAST)]
    assert declared(path).ranges()[0].group == "ml"
    assert declared(path).unread == ()


def test_what_poetry_has_as_optional_and_in_no_extra_is_no_requirement(project):
    assert [one.group for one in declared(project({"pyproject.toml": POETRY})).ranges()] == ["optional"]


PINS = {
    "Dockerfile": ("Dockerfile", "FROM pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime AS base\nRUN pip install numpy"),
    "argument": ("Dockerfile", "ARG TORCH=2.1.0\nFROM pytorch/pytorch:${TORCH}-cuda12.1-cudnn8-devel"),
    "argument's default": ("Dockerfile", "ARG V\nFROM pytorch/pytorch:${V:-2.1.0}-cuda12.1-cudnn8-devel"),
    "stages": (
        "Dockerfile",
        "FROM pytorch/pytorch:2.4.0-cuda12.1-cudnn9-devel AS made\nFROM nvidia/cuda:12.1.0-base\n"
        "COPY --from=made /x /x\nRUN pip install torch==2.1.2 --index-url https://x/whl/cu121",
    ),
    "installed on top": ("Dockerfile", "FROM pytorch/pytorch:2.0.0-cuda11.7\nRUN python -m pip install torch==2.1.2"),
    "poetry.lock": ("poetry.lock", "[[package]]\nname = 'torch'\nversion = '2.1.2'"),
    "uv.lock": ("uv.lock", "version = 1\n[[package]]\nname = 'torch'\nversion = '2.1.2+cpu'"),
    "pylock.toml": ("pylock.toml", "[[packages]]\nname = 'torch'\nversion = '2.1.2'"),
    "pdm.lock": ("pdm.lock", "[[package]]\nname = 'torch'\nversion = '2.1.2'\nmarker = 'python_version > 3'"),
    "pixi.lock": ("pixi.lock", "packages:\n- pypi: https://x/torch-2.1.2%2Bcpu-cp312-cp312-linux_x86_64.whl"),
    "conda-lock": ("conda-lock.yml", "package:\n- name: pytorch\n  dependencies:\n    numpy: '>=1'\n  url: https://x/linux-64/pytorch-2.1.2-cpu_mkl_py311_0.conda"),
    "explicit": ("conda-linux-64.lock", "@EXPLICIT\nhttps://x/linux-64/pytorch-2.1.2-py3.10_cuda11.8_cudnn8.7.0_0.tar.bz2#ab\nhttps://x/noarch/pytorch-lightning-2.2-py_0.conda"),
    "Pipfile.lock": ("Pipfile.lock", '{"default": {"torch": {"version": "==2.1.2"}}, "develop": {}}'),
    "uv's source": ("pyproject.toml", "[tool.uv.sources]\ntorch = {url = 'https://x/torch-2.1.0-cp310-cp310-win_amd64.whl'}"),
    "conda's =": ("environment.yml", "dependencies:\n  - pytorch=2.1"),
    "conda's build": ("environment.yml", "dependencies:\n  - pytorch=2.1.0=py3.10_cuda11.8_cudnn8.7.0_0"),
    "conda's blanks": ("environment.yml", "dependencies:\n  - pytorch 2.1.* *cuda*"),
    "conda's brackets": ("environment.yml", "dependencies:\n  - pytorch[version='>=2.1,<2.2']"),
    "hashes": ("requirements.txt", "torch==2.1.0 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\nnumpy==1.26.0"),
    "options": ("requirements.txt", "--index-url https://x/whl/cu118\n-f https://x\ntorch==2.1.0+cu118\n"),
    "a nightly": ("requirements.txt", "torch==2.1.0.dev20230601+cu121"),
    "===": ("requirements.txt", "torch===2.1.0+cu118"),
    "wildcard": ("requirements.txt", "torch==2.1.*"),
    "compatible": ("requirements.txt", "torch~=2.1.0"),
    "bounds": ("requirements.txt", "torch>=2.1,<2.2"),
    "exclusion": ("requirements.txt", "torch>2.0.1,!=2.1.0,<2.2"),
    "url": ("requirements.txt", "torch @ https://x/whl/cu118/torch-2.1.0%2Bcu118-cp310-cp310-linux_x86_64.whl"),
    "url alone": ("requirements.txt", "https://x/whl/cu118/torch-2.1.0%2Bcu118-cp310-cp310-linux_x86_64.whl"),
    "file": ("requirements.txt", "./wheels/torch-2.1.0-cp310-cp310-linux_x86_64.whl"),
    "repository": ("requirements.txt", "torch @ git+https://github.com/pytorch/pytorch@v2.1.0"),
    "repository with its name": ("requirements.txt", "git+https://github.com/pytorch/pytorch@v2.1.0#egg=torch"),
    "editable": ("requirements.txt", "-e git+https://x/pytorch@v2.1.0#subdirectory=a&egg=torch\n-e ./torch\n-e torch"),
    "archive with its name": ("requirements.txt", "https://x/pytorch/archive/torch-2.1.0.zip#egg=torch  # ours"),
    "archive of a tag": ("requirements.txt", "https://x/pytorch/archive/refs/tags/v2.1.0.zip#egg=torch"),
    "a name on both sides": ("requirements.txt", "torch @ git+https://github.com/pytorch/pytorch@v2.1.0#egg=torch"),
    "editable by name": ("requirements.txt", "--editable=torch @ git+https://x/pytorch@v2.1.0"),
    "poetry's repository": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = {git = 'git:x', tag = 'v2.1.0'}"),
    "poetry's address": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = {url = 'https://x/torch-2.1.0-cp310-cp310-win_amd64.whl'}"),
    "quotes without end": ("Dockerfile", "RUN pip install 'torch==2.0\nRUN pip install torch==2.1.0"),
    "poetry's comma": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = '2.1.0,'"),
    "poetry's tilde": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = '~2.1'"),
    "poetry's pin": ("pyproject.toml", "[tool.poetry.dependencies]\ntorch = '2.1.2'"),
    "torchvision": ("requirements.txt", "torchvision==0.16.1"),
    "torchvision's bounds": ("requirements.txt", "torchvision>=0.16,<0.17"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), PINS.values(), ids=PINS)
def test_ways_to_say_one_release(project, name, text):
    path = project({name: text})
    assert spans(path) == [("2.1", "2.1")]
    assert declared(path).unread == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("^2.1", ("2.1", LAST)), ("^2.1,!=2.1.0", ("2.1", LAST)), ("~2", ("2.0", LAST)), ("*", ("2.0", LAST)),
     (">=2.1 <2.4", ("2.1", "2.3")), ("2.*", ("2.0", LAST)), ("~2.1.1", ("2.1", "2.1"))],
)  # fmt: skip
def test_the_versions_of_poetry(project, text, expected):
    assert spans(project({"pyproject.toml": f"[tool.poetry.dependencies]\ntorch = '{text}'"})) == [expected]


def test_alternatives_and_environments_of_poetry_stand_apart(project):
    text = """\
    [tool.poetry.dependencies]
    torch = [
        {version = "2.2.2", markers = "sys_platform == 'darwin' and platform_machine == 'x86_64'"},
        {version = ">=2.5", python = ">=3.13"},
        {version = "2.4.1", platform = "win32"},
    ]
    """
    assert spans(project({"pyproject.toml": text})) == [("2.2", "2.2"), ("2.5", LAST), ("2.4", "2.4")]


SCRIPTS = {
    "list": "setup(install_requires=['numpy', 'torch>=2.1'])",
    "name": "needs = ['torch>=2.1']\nsetuptools.setup(install_requires=needs)",
    "sum": "base = ['numpy']\nsetup(install_requires=base + ['torch>=2.1'])",
    "append": "needs = []\nif True:\n    needs.append('torch>=2.1')\nsetup(install_requires=needs)",
    "f-string": "LOW = '2.1'\nsetup(install_requires=[f'torch>={LOW}'])",
    "format": "setup(install_requires=['torch>={}'.format('2.1')])",
    "percent": "LOW = 2.1\nsetup(install_requires=['torch>=%s' % LOW])",
    "join": "LOW = '2.1'\nsetup(install_requires=['>='.join(['torch', LOW])])",
    "plus": "LOW = '2.1'\nsetup(install_requires=['torch>=' + LOW])",
    "text": "setup(install_requires='''\n    numpy\n    torch>=2.1\n''')",
    "keywords": "args = dict(name='x', install_requires=['torch>=2.1'])\nsetup(**args)",
    "extra": "extras = {'all': ['torch>=2.1']}\nsetup(extras_require=extras)",
    "extra by key": "extras = {}\nextras['torch'] = ['torch>=2.1']\nsetup(extras_require=extras)",
    "table of texts": (
        "_deps = ['torch>=2.1', 'torchaudio']\ndeps = {b: a for a, b in (split(x) for x in _deps)}\n"
        "setup(install_requires=[deps['numpy'], deps['torch']])"
    ),
    "function that looks up": (
        "deps = {b: a for a, b in (split(x) for x in ['torch>=2.1'])}\n"
        "def some(*names):\n    return [deps[name] for name in names]\nsetup(extras_require={'x': some('torch')})"
    ),
    "read": "with open('needs.txt') as f:\n    needs = f.read().splitlines()\nsetup(install_requires=needs)",
    "lines": "setup(install_requires=[line.strip() for line in open('needs.txt')])",
    "path": "setup(install_requires=(Path(__file__).parent / 'needs.txt').read_text().splitlines())",
    "function": "def read(name):\n    return open(name).read().split('\\n')\nsetup(install_requires=read('needs.txt'))",
    "function's own": (
        "def needs():\n    with open('needs.txt') as f:\n        return list(f)\nsetup(install_requires=needs())"
    ),
    "parsed": "all = parse_requirements('needs.txt', session=False)\nsetup(install_requires=[str(r.req) for r in all])",
    "of no call that is seen": "make(['torch>=2.1'])",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_setup_py_is_read_as_syntax(project, text):
    assert spans(project({"setup.py": text, "needs.txt": "torch>=2.1"})) == [("2.1", LAST)]


def test_torch_without_a_version_is_any_release(project):
    assert spans(project({"setup.py": "setup(install_requires=['torch', 'numpy'])"})) == [("2.0", LAST)]


# --- several lines, several files -------------------------------------------------------------------------------------


def test_lines_with_markers_stand_apart_and_one_without_holds_beside_each(project):
    text = "torch<2.8\ntorch>=2.5; python_version >= '3.13'\ntorch>=2.2; python_version < '3.13'"
    assert spans(project({"requirements.txt": text})) == [("2.5", "2.7"), ("2.2", "2.7")]


def test_a_line_for_pythons_that_the_project_does_not_take_says_nothing(project):
    text = "requires-python = '>=3.10'\ndependencies = ['torch>=2.4', 'torch==2.0.1; python_version < \"3.9\"']"
    assert spans(project({"pyproject.toml": f"[project]\n{text}"})) == [("2.4", LAST)]


def test_included_files_and_constraints_hold_at_once(project):
    files = {
        "requirements.txt": "-r reqs/all.txt\n--constraint=limits.txt\n",
        "reqs/all.txt": "-r ../requirements.txt\ntorch>=2.1\n",
        "limits.txt": "torch<2.6",
    }
    assert spans(project(files)) == [("2.1", "2.5")]


def test_a_file_that_is_included_again_and_again_is_read_once(project):
    files = {f"r{n}.txt": f"-r r{n + 1}.txt\n-c r{n + 1}.txt\n" for n in range(60)}
    path = project({**files, "requirements.txt": "-r r0.txt", "r60.txt": "torch>=2.1"})
    assert [one.text for one in declared(path).ranges()] == ["torch>=2.1"]


def test_a_file_that_is_not_there_is_told_and_takes_nothing_away(project):
    path = project({"requirements.txt": "-r nowhere.txt\ntorch>=2.1"})
    assert spans(path) == [("2.1", LAST)]
    assert declared(path).unread == ("requirements.txt: requirements.txt includes nowhere.txt, which is not here",)


@pytest.mark.parametrize("table", ["dependencies", "optional-dependencies.all"])
def test_dynamic_dependencies_are_those_of_their_file(project, table):
    text = f"[project]\ndynamic = ['x']\n[tool.setuptools.dynamic]\n{table} = {{file = ['needs.txt']}}"
    path = project({"pyproject.toml": text, "needs.txt": "torch>=2.1"})
    assert spans(path) == [("2.1", LAST)]
    assert [one.place for one in declared(path).ranges()] == ["needs.txt"]


def test_that_counts_by_which_the_project_is_installed(project):
    path = project({"setup.py": "setup(install_requires=['torch>=2.2'])", "requirements.txt": "torch==2.6.0"})
    assert declared(path).file == "setup.py"
    assert list(declared(path).torch) == ["setup.py", "requirements.txt"]


def test_what_is_always_needed_comes_before_extras_and_groups(project):
    files = {
        "pyproject.toml": "[project.optional-dependencies]\nall = ['torch>=2.6']\n[dependency-groups]\ndev = ['torch']",
        "requirements.txt": "torch>=2.1",
    }
    path = project(files)
    assert declared(path).file == "requirements.txt"
    assert spans(path) == [("2.1", LAST)]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("setup.py", "setup(extras_require=EXTRA, install_requires=[f'torch>={os.name}'])", "as the script runs"),
        ("setup.py", "setup(install_requires=['torch' + given()], extras_require=EXTRA)", "as the script runs"),
        ("setup.py", "setup(install_requires=['torch=={}'.format(x())], extras_require=EXTRA)", "as the script runs"),
        ("pyproject.toml", "[project]\ndependencies = ['torch=>2']\noptional-dependencies = EXTRA", "pip takes"),
        ("pyproject.toml", "[project]\ndependencies = ['torch @ https://x']\noptional-dependencies = EXTRA", "version"),
    ],
)
def test_an_extra_does_not_stand_for_a_requirement_that_cannot_be_read(project, name, text, reason):
    extra = "{'gpu': ['torch==1.12.1']}" if name == "setup.py" else "{gpu = ['torch==1.12.1']}"
    found = declared(project({name: text.replace("EXTRA", extra)}))
    assert found.torch == {}
    assert len(found.unread) == 1
    assert reason in found.unread[0]


@pytest.mark.parametrize(
    "text",
    [
        "setup(install_requires=['numpy'], extras_require={'gpu': ['torch>=2.1']})",
        "setup(install_requires=['torch>=2.1'], extras_require={'gpu': ['torch==' + given()]})",
    ],
)
def test_an_extra_alone_counts_and_one_that_cannot_be_read_takes_nothing(project, text):
    assert spans(project({"setup.py": text})) == [("2.1", LAST)]


def test_torchvision_says_nothing_beside_torch(project):
    assert spans(project({"requirements.txt": "torch>=2.0\ntorchvision==0.17.2"})) == [("2.0", LAST)]


def test_lock_files_say_nothing_beside_others(project):
    lock = "[[package]]\nname = 'torch'\nversion = '2.6.0'"
    assert spans(project({"requirements.txt": "torch>=2.1", "uv.lock": lock})) == [("2.1", LAST)]


def test_a_lock_file_with_several_versions_has_any_of_them(project):
    lock = "[[package]]\nname = 'torch'\nversion = '2.2.2'\n[[package]]\nname = 'torch'\nversion = '2.6.0+cu124'"
    found = declared(project({"uv.lock": lock})).ranges()
    assert [(one.text, one.allowed(RELEASES)) for one in found] == [
        ("torch==2.2.2 or torch==2.6.0+cu124", ["2.2", "2.6"])
    ]


def test_a_script_says_for_itself_what_it_needs(project):
    header = "# /// script\n# requires-python = '>=3.13'\n# dependencies = ['torch>=2.1']\n# ///\nimport torch"
    path = project({"train.py": header, "code.py": "import torch", "uv.lock": ""})
    found = declared(path)
    assert (found.torch, found.python) == ({}, ())
    assert {file.name: one.text for file, one in found.scripts.items()} == {"train.py": "torch>=2.1"}
    assert spans(path / "train.py") == [("2.1", LAST)]


def test_other_packages_are_not_torch(project):
    text = "torch-geometric==2.3.0\ntorchmetrics>=1.0\npytorch-lightning==2.1\nnot-torch==1.0"
    assert declared(project({"requirements.txt": text})).torch == {}


@pytest.mark.parametrize(
    ("name", "text", "python"),
    [
        ("pyproject.toml", "[project]\nrequires-python = '>=3.10'\ndependencies = ['numpy>=2.1', 'torch']", None),
        (
            "pyproject.toml",
            "[tool.flit.metadata]\nrequires-python = '>=3.10'\nrequires = ['numpy>=2.1', 'torch']",
            None,
        ),
        (
            "PKG-INFO",
            "Name: x\nRequires-Python: >=3.10\nRequires-Dist: numpy>=2.1\nRequires-Dist: torch",
            "Requires-Python: >=3.10",
        ),
    ],
)
def test_the_pythons_and_numpy_are_told(project, name, text, python):
    told = declared(project({name: text}))
    assert [one.text for one in (*told.python, *told.numpy)] == [python or 'requires-python = ">=3.10"', "numpy>=2.1"]


def test_what_is_no_python_of_an_environment_is_told_as_none(project):
    assert declared(project({".python-version": "pypy3.9\n", "requirements.txt": "torch"})).environment == ()


def test_the_gpus_that_extensions_are_built_for_are_told(project):
    image = "ENV TORCH_CUDA_ARCH_LIST='8.0;8.6+PTX'\nRUN pip install torch"
    assert [one.text for one in declared(project({"Dockerfile": image})).gpus] == ["TORCH_CUDA_ARCH_LIST=8.0;8.6+PTX"]


def test_a_marker_that_compares_nothing_is_of_every_environment(project):
    assert spans(project({"requirements.txt": "torch>=2.1; sys_platform ~= 'x'"})) == [("2.1", LAST)]
    assert spans(project({"requirements.txt": "torch>=2.1; sys_platform == 'x'"})) == []


INSTALLED = {
    "site-packages/one/__init__.py": "import torch",
    "site-packages/one-1.0.dist-info/METADATA": "Name: one\nRequires-Dist: torch>=2.1",
    "site-packages/one-1.0.dist-info/RECORD": "one/__init__.py,sha256=x,1\n",
    "site-packages/two-1.0.dist-info/METADATA": "Name: two\nRequires-Dist: torch>=2.6",
}


def test_an_installed_package_declares_what_its_own_metadata_says(project):
    path = project(INSTALLED) / "site-packages"
    assert spans(path / "one") == [("2.1", LAST)]
    (path / "two").mkdir()
    assert spans(path / "two") == []  # that which may have brought it does not say so
    assert spans(path) == []  # which of the two


def test_a_folder_with_one_installed_package_is_asked_for_that(project):
    only = {name: text for name, text in INSTALLED.items() if "two" not in name}
    assert spans(project(only) / "site-packages") == [("2.1", LAST)]


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("ARG P=3.13\nFROM --platform=x python:${P}-slim\nRUN pip install torch==2.1", ["FROM python:3.13-slim"]),
        (
            "FROM docker.io/python:3.9.2 AS a\nFROM a\nRUN uv pip install torch",
            ["FROM docker.io/python:3.9.2"],
        ),
        ("FROM python:3.9\nRUN pip install numpy\nFROM nvidia/cuda:12.1.0-base\nRUN pip install torch", []),
        ("FROM python:3\nRUN pip install torch", []),
    ],
)
def test_the_python_of_the_image_into_which_torch_is_installed_is_told(project, text, python):
    assert [one.text for one in declared(project({"Dockerfile": text})).python] == python


def test_the_python_of_an_image_says_nothing_of_what_is_declared_elsewhere(project):
    image = "FROM python:3.13\nRUN pip install torch"
    assert declared(project({"setup.cfg": "[options]\ninstall_requires = torch", "Dockerfile": image})).python == ()


CUDA = {
    "index": ("requirements.txt", "--index-url https://download.pytorch.org/whl/cu118\ntorch", True),
    "short": ("requirements.txt", "-i https://download.pytorch.org/whl/cu118/\ntorch", True),
    "another index": ("requirements.txt", "--extra-index-url=https://download.pytorch.org/whl/cu118\ntorch", False),
    "mirror": ("requirements.txt", "-f https://mirror.example/pytorch/whl/cu118\ntorch", False),
    "Dockerfile": ("Dockerfile", "RUN pip3 install torch --index-url https://download.pytorch.org/whl/cu118", True),
    "conda": ("environment.yml", "dependencies:\n- pytorch\n- pytorch-cuda=11.8", False),
    "pixi": ("pixi.toml", "[feature.gpu.dependencies]\npytorch-cuda = '11.8.*'", False),
    "toolkit": ("environment.yml", "dependencies:\n- pytorch\n- cudatoolkit=11.8", False),
    "version": ("environment.yml", "dependencies:\n- pytorch\n- cuda-version=11.8", False),
    "pixi's system": ("pixi.toml", "[system-requirements]\ncuda = '11.8'", False),
    "pixi's index": (
        "pixi.toml",
        "[pypi-options]\nextra-index-urls = ['https://download.pytorch.org/whl/cu118']",
        False,
    ),
    "Pipfile": ("Pipfile", "[[source]]\nurl = 'https://download.pytorch.org/whl/cu118'", False),
    "poetry": ("pyproject.toml", "[[tool.poetry.source]]\nurl = 'https://download.pytorch.org/whl/cu118'", False),
    "pdm": ("pyproject.toml", "[[tool.pdm.source]]\nurl = 'https://download.pytorch.org/whl/cu118'", False),
    "uv": (
        "pyproject.toml",
        "[tool.uv.sources]\ntorch = {index = 'x'}\n"
        "[[tool.uv.index]]\nname = 'x'\nurl = 'https://download.pytorch.org/whl/cu118'",
        True,
    ),
    "uv's extra": (
        "pyproject.toml",
        "[tool.uv.sources]\ntorch = [{index = 'x', extra = 'gpu'}]\n"
        "[[tool.uv.index]]\nname = 'x'\nurl = 'https://download.pytorch.org/whl/cu118'",
        False,
    ),
}


@pytest.mark.parametrize(("name", "text", "is_sole"), CUDA.values(), ids=CUDA)
def test_the_cuda_that_is_asked_for_is_told(project, name, text, is_sole):
    (line,) = declared(project({name: text})).cuda
    assert line.allows("11.8.0") and not line.allows("12.1.0")
    assert line.is_sole is is_sole


@pytest.mark.parametrize("url", ["whl/nightly/cu118", "whl/torch_stable.html", "whl/torch-2.0.0+cu118.html", "simple"])
def test_an_index_of_no_cuda_asks_for_none(project, url):
    assert declared(project({"requirements.txt": f"-f https://download.pytorch.org/{url}\ntorch"})).cuda == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("environment.yml", "dependencies:\n  - python=3.9\n  - numpy>=2\n  - pytorch=2.2"),
        ("pixi.toml", "[workspace]\nplatforms = ['osx-64']\n[dependencies]\npython = '3.9.*'\nnumpy = '>=2'"),
    ],
)
def test_what_an_environment_of_conda_holds_is_told(project, name, text):
    told = declared(project({name: text}))
    assert [str(one.specifiers) for one in (*told.environment, *told.numpy)] == ["==3.9.*", ">=2"]
    assert [one.text for one in told.systems] == ["osx-64"] * (name == "pixi.toml")
    assert not told.python  # conda builds for others than the wheels are for


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".python-version", "3.9.18\n"),
        ("runtime.txt", "python-3.9\n"),
        ("Dockerfile", "FROM python:3.9-slim\nCOPY . .\nRUN pip install -r requirements.txt"),
    ],
)
def test_the_python_of_an_environment_is_told(project, name, text):
    told = declared(project({name: text, "requirements.txt": "torch"}))
    assert [str(one.specifiers) for one in told.environment] == ["==3.9.*"]
    assert not told.python  # others may use another one


@pytest.mark.parametrize("requirements", ["numpy", "torchmetrics"])
def test_the_python_of_an_image_without_torch_is_no_matter(project, requirements):
    text = "FROM python:3.9-slim\nRUN pip install -r requirements.txt"
    assert declared(project({"Dockerfile": text, "requirements.txt": requirements})).environment == ()


def test_the_numpy_of_another_file_than_that_which_counts_asks_nothing(project):
    files = {"setup.cfg": "[options]\ninstall_requires = torch", "environment.yml": "dependencies:\n  - numpy=2.0"}
    assert declared(project(files)).numpy == ()


def test_a_recipe_says_nothing_of_python_and_numpy(project):
    text = "requirements:\n  run:\n    - numpy >=2  # [py>=313]\n    - python >=3.9  # [linux]"
    told = declared(project({"meta.yaml": text}))
    assert not (told.environment or told.numpy)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("environment.yml", "dependencies:\n  - pytorch=2.1|2.3.*\n  - numpy=1.26|2.0\n  - python 3.9.*|3.12.*"),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\ntorch = '~2.1.0 || ~2.3.1'\nnumpy = '^1.26|^2.0'\npython='~3.9 || ~3.12'",
        ),
    ],
)
def test_any_of_some_alternatives_is_allowed(project, name, text):
    told = declared(project({name: text}))
    assert told.ranges()[0].allowed(RELEASES) == ["2.1", "2.3"]
    assert [one.allows(version) for one in told.numpy for version in ("1.26.4", "2.0.0", "3.0")] == [True, True, False]
    pythons = together(told.python or told.environment)
    assert [pythons.take(python) for python in ("3.9", "3.10", "3.12")] == [True, False, True]


def test_the_python_of_a_line_of_poetry_can_be_one_of_several(project):
    text = "[tool.poetry.dependencies]\ntorch = [{version = '2.2.2', python = '<3.10 || >=3.12'}, {version = '2.4.1'}]"
    assert spans(project({"pyproject.toml": f"[project]\nrequires-python = '>=3.10,<3.12'\n{text}"})) == [
        ("2.4", "2.4")
    ]


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pyproject.toml", "[project\n", "pyproject.toml: Expected ']'"),
        ("setup.py", "setup(", "setup.py: '(' was never closed"),
        ("setup.cfg", "install_requires = torch", "setup.cfg: File contains no section headers."),
        ("requirements-old.txt", "torch>=2.0.*", "requirements-old.txt: torch>=2.0.* is no requirement that pip takes"),
        ("requirements-old.txt", "torch @ https://x/latest.whl", "does not say a version"),
        ("environment.yml", "dependencies: &all\n  - pytorch: 2", ""),
        ("environment.yml", "dependencies:\n  - pytorch={{ version }}", "is written by a template"),
        ("environment.yml", "dependencies: [pytorch", "environment.yml: is no YAML: line 1"),
        ("environment.yml", "dependencies: [{{ name }", ""),
        ("Dockerfile", "FROM nvcr.io/nvidia/pytorch:23.10-py3", "a build of its vendor's"),
        ("Dockerfile", "FROM pytorch/pytorch:latest", "does not say which release"),
        ("pyproject.toml", "[project]\ndependencies = 7", "pyproject.toml: "),
        ("pyproject.toml", "a." * 101 + "a = 1", "pyproject.toml: has a key of more than 100 parts"),
        ("pyproject.toml", "a = " + "[" * 9_000, "pyproject.toml: is nested too deeply"),
        ("pyproject.toml", "# a comment" * 800_000, "pyproject.toml: has more than 8,388,608 characters"),
        ("setup.cfg", "[options]\ninstall_requires =\n" + " torch\n" * 2_001, "says more than 10,000 characters"),
    ],
)
def test_what_cannot_be_read_is_told_and_takes_nothing_away(project, name, text, reason):
    path = project({name: text, "requirements.txt": "torch>=2.1"})
    assert spans(path) == [("2.1", LAST)]
    assert reason in "\n".join(declared(path).unread)


def test_what_lies_beside_the_code_in_a_folder_of_many_is_nobodys(tmp_path):
    for name in ("mine/code.py", "docker/Dockerfile"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("FROM pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime\n" * ("docker" in name))
    assert not declared(tmp_path / "mine").torch
    (tmp_path / "setup.cfg").touch()
    assert declared(tmp_path / "mine").torch


def test_a_table_of_another_shape_takes_nothing_from_the_others(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool]\npoetry = []\nuv = 3\nhatch = 'x'\npdm = [1]\npixi = 1\nflit = ''\nsetuptools = 0\n"
        "[project]\noptional-dependencies = 3\ndependencies = ['torch>=2.5']\n"
    )
    found = declared(tmp_path)
    assert [one.text for one in found.torch["pyproject.toml"]] == ["torch>=2.5"]
    assert "pyproject.toml: [tool.poetry] has another shape than its tool reads" in found.unread
