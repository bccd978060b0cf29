"""MLflow in a file beside the training: what a run records of it, and how models of torch are saved and loaded."""

import uuid

import pytest
import torch

from torchproof import fact
from torchproof.fixtures.checks import same

DOCS = "https://mlflow.org/docs/latest/ml/tracking"


def does_not_wait(connection, _):
    """SQLite does not wait for the disk, which has to hold nothing longer than the facts."""
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """One database for all facts, since to make its tables takes a second or two."""
    from mlflow.tracking import MlflowClient
    from sqlalchemy import Engine, event

    address = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'runs.db'}"
    event.listen(Engine, "connect", does_not_wait)
    MlflowClient(address).search_experiments()
    yield address
    event.remove(Engine, "connect", does_not_wait)


@pytest.fixture
def client(database, monkeypatch, tmp_path):
    """What reads the runs of an experiment of the fact's own, whose files are in `tmp_path`."""
    import mlflow

    client = mlflow.MlflowClient(database)
    own = client.create_experiment(str(uuid.uuid4()), artifact_location=(tmp_path / "artifacts").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", own)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    mlflow.set_tracking_uri(database)
    yield client
    mlflow.end_run()
    mlflow.set_tracking_uri(None)


@pytest.fixture
def run(client):
    """A run that is under way."""
    import mlflow

    return mlflow.start_run().info.run_id


@fact("mlflow.log_metric", requires="mlflow-skinny", source=DOCS)
def test_keeps_steps_that_go_back(client, run):
    """`mlflow.log_metric` keeps a step that goes back, in the order of the calls."""
    import mlflow

    for step, loss in [(0, 1.0), (5, 0.5), (3, 9.0)]:
        mlflow.log_metric("loss", loss, step=step)
    assert [(one.step, one.value) for one in client.get_metric_history(run, "loss")] == [(0, 1.0), (5, 0.5), (3, 9.0)]


@fact("mlflow.log_metric", requires="mlflow-skinny", source=DOCS, myth="a run's metric is the value logged last")
def test_a_run_has_the_metric_of_the_last_step(client, run):
    """A metric of an MLflow run is what `mlflow.log_metric` gave at the greatest step, though another came later."""
    import mlflow

    for step, loss in [(0, 1.0), (5, 0.5), (3, 9.0)]:
        mlflow.log_metric("loss", loss, step=step)
    assert client.get_run(run).data.metrics == {"loss": 0.5}


@fact("mlflow.log_metric", requires="mlflow-skinny", source=DOCS, hint="step=step")
def test_without_a_step_is_of_step_zero(client, run):
    """`mlflow.log_metric` without `step` writes every value at step 0."""
    import mlflow

    mlflow.log_metric("loss", 1.0)
    mlflow.log_metric("loss", 0.5)
    assert [(one.step, one.value) for one in client.get_metric_history(run, "loss")] == [(0, 1.0), (0, 0.5)]


@fact("mlflow.log_metric", requires="mlflow-skinny", source=DOCS)
def test_takes_a_loss_with_its_graph(device, client, run):
    """`mlflow.log_metric` takes a loss that requires grad, of any device, without `detach` or `item`."""
    import mlflow

    mlflow.log_metric("loss", torch.tensor(1.5, requires_grad=True, device=device) * 2)
    assert client.get_run(run).data.metrics == {"loss": 3.0}


@fact("mlflow.log_params", requires="mlflow-skinny", source=DOCS, myth="MLflow keeps a hyperparameter's type")
def test_keeps_hyperparameters_as_text(client, run):
    """`mlflow.log_params` keeps hyperparameters as text, numbers and lists too."""
    import mlflow

    mlflow.log_params({"lr": 0.1, "layers": [64, 32]})
    assert client.get_run(run).data.params == {"lr": "0.1", "layers": "[64, 32]"}


@fact("mlflow.log_param", requires="mlflow-skinny", source=DOCS, hint="a run of its own for each value")
def test_refuses_another_value_of_a_hyperparameter(client, run):
    """`mlflow.log_param` of another value for the same name raises "Changing param values is not allowed"."""
    import mlflow

    assert mlflow.log_param("lr", 0.1) == 0.1
    with pytest.raises(mlflow.MlflowException, match="Changing param values is not allowed"):
        mlflow.log_param("lr", 0.2)
    assert client.get_run(run).data.params == {"lr": "0.1"}


@fact("mlflow.start_run", requires="mlflow-skinny", source=DOCS)
def test_a_block_that_an_error_leaves_has_failed(client):
    """A `with mlflow.start_run()` block that an error leaves ends its run as FAILED, with what was logged."""
    import mlflow

    with pytest.raises(RuntimeError, match="out of memory"), mlflow.start_run() as run:
        mlflow.log_metric("loss", 0.5)
        raise RuntimeError("out of memory")
    found = client.get_run(run.info.run_id)
    assert (found.info.status, found.data.metrics) == ("FAILED", {"loss": 0.5})


@fact("mlflow.log_artifact", requires="mlflow-skinny", source=DOCS)
def test_copies_a_checkpoint(client, run, tmp_path):
    """`mlflow.log_artifact` copies a checkpoint as it is then: `download_artifacts` gives that one back later."""
    import mlflow

    torch.save(torch.tensor([1.0]), tmp_path / "model.pt")
    mlflow.log_artifact(str(tmp_path / "model.pt"))
    torch.save(torch.tensor([2.0]), tmp_path / "model.pt")
    path = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="model.pt", dst_path=str(tmp_path / "again"))
    same(torch.load(path), torch.tensor([1.0]))


@fact("mlflow.set_tracking_uri", requires="mlflow-skinny>=3.17", source=DOCS, hint="sqlite:///mlflow.db")
def test_refuses_plain_files(monkeypatch, client, tmp_path):
    """MLflow refuses to keep runs in plain files, as `./mlruns` was, by `set_tracking_uri`: "in maintenance mode"."""
    import mlflow

    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    mlflow.set_tracking_uri(f"file://{tmp_path / 'mlruns'}")
    with pytest.raises(mlflow.MlflowException, match="in maintenance mode"):
        mlflow.search_experiments()


# --- models of torch --------------------------------------------------------------------------------------------------

SAVE = "mlflow.pytorch.save_model"
LOAD = "mlflow.pytorch.load_model"


@pytest.fixture
def kept(tmp_path):
    """The folder of a layer that MLflow pickled."""
    import mlflow.pytorch

    layer = torch.nn.Linear(2, 1)
    mlflow.pytorch.save_model(layer, tmp_path / "model", pip_requirements=["torch"], serialization_format="pickle")
    return str(tmp_path / "model")


@fact(
    SAVE, requires="mlflow-skinny>=3.17", source=DOCS, hint='input_example=x.numpy(), or serialization_format="pickle"'
)
def test_refuses_to_save_a_model_without_an_example(tmp_path):
    """`mlflow.pytorch.save_model` of a layer raises "input_example is required", unless it is to be pickled."""
    import mlflow.pytorch

    with pytest.raises(mlflow.MlflowException, match="input_example is required"):
        mlflow.pytorch.save_model(torch.nn.Linear(2, 1), tmp_path / "model", pip_requirements=["torch"])


@fact(LOAD, requires="mlflow-skinny>=3.17", source=DOCS, hint='map_location="cpu"')
@pytest.mark.parametrize("place", ["cpu", "meta"])
def test_loads_a_model_to_the_device_of_map_location(kept, place):
    """`mlflow.pytorch.load_model` loads a pickled model to `map_location`, as `torch.load` does a GPU's to a CPU."""
    import mlflow.pytorch

    assert mlflow.pytorch.load_model(kept, map_location=place).weight.device.type == place


@fact(LOAD, requires="mlflow-skinny>=3.17", source=DOCS, myth="a model comes back in the mode in which it was saved")
def test_loads_a_model_for_evaluation(kept):
    """`mlflow.pytorch.load_model` gives a model in evaluation mode that was saved in training mode."""
    import mlflow.pytorch

    assert not mlflow.pytorch.load_model(kept).training


@fact(SAVE, LOAD, requires="mlflow-skinny>=3.17", source=DOCS)
def test_gives_a_pickled_model_back_with_what_it_needs(tmp_path):
    """`mlflow.pytorch.load_model` gives saved weights back, beside which `save_model` puts its `pip_requirements`."""
    import mlflow.pytorch

    layer, folder = torch.nn.Linear(2, 1), tmp_path / "model"
    mlflow.pytorch.save_model(layer, folder, pip_requirements=["torch<99"], serialization_format="pickle")
    same(mlflow.pytorch.load_model(str(folder)).weight.detach(), layer.weight.detach())
    assert "torch<99" in (folder / "requirements.txt").read_text()
