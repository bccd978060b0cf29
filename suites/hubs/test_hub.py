"""`torch.hub`: models that a repository builds by its `hubconf.py`, from a folder or a cache; weights: test_url."""

import io
import zipfile

import pytest
import torch
from torch import nn

from torchproof import fact, same

REPOSITORY = "someone/models:main"
PUBLISHED = "import torch\n\ndef linear():\n    return torch.nn.Linear(2, 1)\n"


@fact("torch.hub.load", claims=["H02"])
def test_of_a_folder_gives_what_the_entry_point_returns(repository):
    """`torch.hub.load(folder, name, source="local")` calls that function of `hubconf.py` with the arguments."""
    layer = torch.hub.load(str(repository), "linear", 3, value=2.0, source="local")
    same(layer(torch.ones(1, 3)), torch.tensor([[6.0]]))
    assert type(layer) is nn.Linear


@fact("torch.hub.load", myth="torch.hub.load fetches weights and runs no code", hint="read hubconf.py first")
def test_runs_what_stands_in_hubconf(repository):
    """`torch.hub.load` runs all the code of `hubconf.py`, not only the entry point that it is asked for."""
    with (repository / "hubconf.py").open("a") as file:
        file.write(f"\nopen({str(repository / 'written')!r}, 'w').close()\n")
    torch.hub.load(str(repository), "linear", source="local")
    assert (repository / "written").exists()


@fact("torch.hub.load", myth="a model of torch.hub is ready for inference")
def test_leaves_the_model_in_training_mode_where_hubconf_does(repository):
    """`torch.hub.load` gives a model in training mode where its entry point does not call `eval()`."""
    model = torch.hub.load(str(repository), "linear", source="local")
    assert isinstance(model, nn.Linear) and model.training


@fact("torch.hub.load")
def test_makes_a_new_model_at_each_call(repository):
    """`torch.hub.load` runs the entry point at each call: two models share no parameters."""
    one, other = (torch.hub.load(str(repository), "linear", source="local") for _ in range(2))
    with torch.no_grad():
        one.weight.fill_(5.0)
    same(other.weight.detach(), torch.ones(1, 2))


@fact("torch.hub.load")
def test_refuses_an_entry_point_that_is_not_there(repository):
    """`torch.hub.load` of a name that `hubconf.py` does not have raises "Cannot find callable"."""
    with pytest.raises(RuntimeError, match="Cannot find callable resnet in hubconf"):
        torch.hub.load(str(repository), "resnet", source="local")


@fact("torch.hub.load", hint="pip install what hubconf.py names in dependencies")
def test_refuses_missing_dependencies(repository):
    """`torch.hub.load` raises "Missing dependencies" where a package in `dependencies` of `hubconf.py` is not there."""
    text = (repository / "hubconf.py").read_text()
    (repository / "hubconf.py").write_text(text.replace('["torch"]', '["torch", "no_such_package"]'))
    with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
        torch.hub.load(str(repository), "linear", source="local")


@fact("torch.hub.load")
def test_refuses_a_folder_without_hubconf(tmp_path):
    """`torch.hub.load` of a folder without a `hubconf.py` raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError, match=r"hubconf\.py"):
        torch.hub.load(str(tmp_path), "linear", source="local")


@fact("torch.hub.load", hint="source='local' for a folder, 'github' for owner/name")
def test_refuses_another_source(repository):
    """`torch.hub.load` refuses a `source` other than "github" and "local", such as "huggingface": "Unknown source"."""
    with pytest.raises(ValueError, match="Unknown source"):
        torch.hub.load(str(repository), "linear", source="huggingface")


@fact("torch.hub.load", claims=["H02"], myth="torch.hub.load downloads a repository each time")
def test_of_a_cached_repository_downloads_nothing(cached):
    """`torch.hub.load` of a repository that was downloaded before runs the cached copy, also where it was edited."""
    text = (cached / "hubconf.py").read_text()
    (cached / "hubconf.py").write_text(text.replace("value=1.0", "value=7.0"))
    model = torch.hub.load(REPOSITORY, "linear", verbose=False)
    same(model.weight.detach(), torch.full((1, 2), 7.0))


@pytest.fixture
def published(server, monkeypatch):
    """Has `someone/models` on loopback, as the archive that GitHub would send, with this value for its weights."""

    def publish(hubconf):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("someone-models-1a2b3c/", "")
            archive.writestr("someone-models-1a2b3c/hubconf.py", hubconf)
        server.files["models.zip"] = buffer.getvalue()

    monkeypatch.setattr(torch.hub, "_git_archive_link", lambda *_: server.url("models.zip"))
    return publish


@fact("torch.hub.load", hint="force_reload=True after the repository has changed")
def test_with_force_reload_downloads_again(cached, published, server):
    """`torch.hub.load(force_reload=True)` downloads the repository again and runs that, in place of the cached copy."""
    published((cached / "hubconf.py").read_text().replace("value=1.0", "value=9.0"))
    model = torch.hub.load(REPOSITORY, "linear", force_reload=True, skip_validation=True, trust_repo=True)
    same(model.weight.detach(), torch.full((1, 2), 9.0))
    assert server.requests == ["models.zip"]


@fact("torch.hub.load", claims=["H02"])
def test_downloads_a_repository_into_the_folder_of_the_hub(hub_dir, published, server):
    """`torch.hub.load` keeps the repository that it downloads in `torch.hub.get_dir()`, as `owner_name_branch`."""
    published(PUBLISHED)
    torch.hub.load(REPOSITORY, "linear", skip_validation=True, trust_repo=True, verbose=False)
    assert (hub_dir / "someone_models_main" / "hubconf.py").exists()


# --- whose code runs --------------------------------------------------------------------------------------------------


@fact("torch.hub.load", since="2.11", calls="not trust_repo", myth="torch.hub.load runs anybody's code without asking")
def test_asks_before_it_downloads_what_is_not_trusted(hub_dir, published, asked):
    """`torch.hub.load` asks before it downloads from an unknown owner, and raises "Untrusted repository" after a no."""
    published(PUBLISHED)
    with pytest.raises(Exception, match="Untrusted repository"):
        torch.hub.load(REPOSITORY, "linear", skip_validation=True)
    assert "someone_models" in asked[0] and not (hub_dir / "someone_models_main").exists()


@fact("torch.hub.load", until="2.11", calls="not trust_repo", myth="torch.hub.load runs anybody's code without asking")
def test_warned_and_downloaded_what_is_not_trusted(hub_dir, asked, published):
    """`torch.hub.load` by default only warns of an "untrusted repository" before it runs one not trusted yet."""
    published(PUBLISHED)
    with pytest.warns(UserWarning, match="untrusted repository"):
        model = torch.hub.load(REPOSITORY, "linear", skip_validation=True)
    assert isinstance(model, nn.Linear) and not asked


@fact("torch.hub.load")
def test_with_trust_repo_false_asks_also_of_what_is_cached(cached, asked):
    """`torch.hub.load(trust_repo=False)` asks at the keyboard also where the repository is cached."""
    with pytest.raises(Exception, match="Untrusted repository"):
        torch.hub.load(REPOSITORY, "linear", trust_repo=False)
    assert len(asked) == 1


@fact("torch.hub.load")
def test_remembers_what_the_keyboard_trusted(hub_dir, published, asked):
    """`torch.hub.load` writes the repository that was answered "y" into `trusted_list` of the hub's folder."""
    published(PUBLISHED)
    asked.answer = "y"
    torch.hub.load(REPOSITORY, "linear", trust_repo=False, skip_validation=True, verbose=False)
    assert (hub_dir / "trusted_list").read_text().split() == ["someone_models"]


@fact("torch.hub.load")
def test_of_a_folder_never_asks(repository, asked):
    """`torch.hub.load(source="local")` runs the folder's code without asking, even with `trust_repo=False`."""
    model = torch.hub.load(str(repository), "linear", source="local", trust_repo=False)
    assert isinstance(model, nn.Linear) and not asked


# --- what there is ----------------------------------------------------------------------------------------------------


@fact("torch.hub.list", myth="torch.hub.list shows models only")
def test_list_names_every_public_callable_of_hubconf(cached):
    """`torch.hub.list` names all that can be called in `hubconf.py` without a leading underscore, its imports too."""
    assert torch.hub.list(REPOSITORY) == ["Fraction", "linear"]


@fact("torch.hub.help")
def test_help_gives_the_docstring(cached):
    """`torch.hub.help` gives the docstring of an entry point."""
    assert torch.hub.help(REPOSITORY, "linear") == "A linear layer of one value."


@fact("torch.hub.get_dir", hint="set TORCH_HOME to where there is room")
def test_dir_is_in_torch_home(tmp_path, monkeypatch):
    """`torch.hub.get_dir()` is the folder `hub` in the one that the environment variable `TORCH_HOME` names."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert torch.hub.get_dir() == str(tmp_path / "hub")


@fact("torch.hub.set_dir")
def test_set_dir_goes_before_torch_home(tmp_path, monkeypatch):
    """`torch.hub.set_dir` names the folder of the hub, whatever the environment variable `TORCH_HOME` says."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.hub.set_dir(str(tmp_path / "mine"))
    assert torch.hub.get_dir() == str(tmp_path / "mine")
