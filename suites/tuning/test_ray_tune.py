"""Ray Tune on a cluster of this machine's own: what it tries where, stops early and runs again; Optuna: test_study."""

import os
import time

import pytest

from torchproof import fact

pytestmark = [pytest.mark.cpu, pytest.mark.slow, pytest.mark.timeout(600)]

RAY = "ray>=2.60"
FIT = "ray.tune.Tuner.fit"


@fact("ray.tune.grid_search", FIT, requires=RAY, claims=["B01", "B04"])
def test_grid_search_runs_each_combination_once(tune):
    """Ray Tune runs one trial for each combination of two `grid_search` entries of the `param_space`."""
    from ray.tune import grid_search, report

    def train(config):
        report({"loss": config["lr"] * config["width"]})

    results = tune(train, {"lr": grid_search([0.1, 0.2]), "width": grid_search([1, 2, 4])})
    tried = sorted((result.config["lr"], result.config["width"]) for result in results)
    assert tried == [(lr, width) for lr in (0.1, 0.2) for width in (1, 2, 4)]


@fact(FIT, requires=RAY, myth="num_samples is how many trials run in all")
def test_num_samples_repeats_a_grid(tune):
    """With `grid_search` of Ray Tune, `num_samples=2` runs the whole grid twice."""
    from ray.tune import grid_search, report

    results = tune(lambda config: report({"loss": config["lr"]}), {"lr": grid_search([0.1, 0.2])}, num_samples=2)
    assert sorted(result.config["lr"] for result in results) == [0.1, 0.1, 0.2, 0.2]


@fact("ray.tune.ResultGrid.get_best_result", requires=RAY, claims=["B04"])
@pytest.mark.parametrize(("mode", "best"), [("min", 0.1), ("max", 0.4)])
def test_best_result_is_by_the_mode(tune, mode, best):
    """`get_best_result` of Ray Tune is the trial with the least metric by `mode="min"`, the largest by `mode="max"`."""
    from ray.tune import grid_search, report

    results = tune(lambda config: report({"loss": config["lr"]}), {"lr": grid_search([0.4, 0.1, 0.2])})
    assert results.get_best_result("loss", mode).config == {"lr": best}


@fact(FIT, requires=RAY, claims=["B04"], myth="Ray Tune runs trials one after the other")
def test_trials_run_at_once_in_processes_of_their_own(tune, tmp_path):
    """On two CPUs, Ray Tune runs two trials at once, each in a process of its own, and none in that of `fit`."""
    from ray.tune import grid_search, report

    def train(config):
        (tmp_path / str(config["number"])).touch()
        while not (tmp_path / str(1 - config["number"])).exists():  # for ever, if the other does not run
            time.sleep(0.01)
        report({"process": os.getpid()})

    processes = {result.metrics["process"] for result in tune(train, {"number": grid_search([0, 1])})}
    assert len(processes | {os.getpid()}) == 3


@fact(FIT, requires=RAY, claims=["B04"], myth="a trial of Ray Tune has a GPU where there is one",
      hint='tune.with_resources(train, {"cpu": 1, "gpu": 1})')  # fmt: skip
def test_trial_is_given_no_gpu_by_default(tune):
    """A trial of Ray Tune without `with_resources` is given one CPU and no GPU, where the cluster has two."""
    import ray
    from ray.tune import report

    def train(config):
        report({"given": ray.get_runtime_context().get_assigned_resources()})

    (result,) = tune(train, {})
    assert ray.cluster_resources()["GPU"] == 2 and result.metrics["given"] == {"CPU": 1}


@fact("ray.tune.with_resources", requires=RAY, claims=["B04"])
def test_trial_that_asks_for_a_gpu_sees_that_one(tune):
    """A trial of Ray Tune by `with_resources(train, {"gpu": 1})` sees its GPU alone, by `CUDA_VISIBLE_DEVICES`."""
    import ray
    from ray.tune import report, with_resources

    def train(config):
        report({"given": ray.get_gpu_ids(), "seen": os.environ["CUDA_VISIBLE_DEVICES"]})

    (result,) = tune(with_resources(train, {"cpu": 1, "gpu": 1}), {})
    [given] = result.metrics["given"]
    assert (result.metrics["seen"], result.metrics["training_iteration"]) == (str(given), 1)


@fact("ray.tune.schedulers.ASHAScheduler", FIT, requires=RAY, claims=["B04"])
def test_asha_stops_bad_trials_early(tune):
    """`ASHAScheduler(reduction_factor=3)` stops a trial that is not in the best third of those seen at its rung."""
    from ray.tune import grid_search, report
    from ray.tune.schedulers import ASHAScheduler

    def train(config):
        for _ in range(12):
            report({"loss": config["loss"]})

    results = tune(
        train,
        {"loss": grid_search([1.0, 2.0, 1.3, 0.5])},
        metric="loss",
        mode="min",
        scheduler=ASHAScheduler(max_t=9, grace_period=1, reduction_factor=3),
        max_concurrent_trials=1,
    )
    assert [result.metrics["training_iteration"] for result in results] == [9, 1, 3, 9]


@fact("ray.tune.FailureConfig", FIT, requires=RAY, claims=["B04"], myth="a trial that dies is lost")
def test_killed_trial_goes_on_from_its_checkpoint(tune, tmp_path):
    """By `FailureConfig(max_failures=1)`, a trial of Ray Tune that is killed runs again, from its last checkpoint."""
    import ray.tune

    def train(config):
        import torch

        done, checkpoint = 0, ray.tune.get_checkpoint()
        if checkpoint:
            with checkpoint.as_directory() as folder:
                done = torch.load(os.path.join(folder, "step.pt"))["step"]
        for step in range(done + 1, 5):
            folder = tmp_path / f"saved-{step}-{os.getpid()}"
            folder.mkdir()
            torch.save({"step": step}, folder / "step.pt")
            ray.tune.report({"step": step, "began": bool(checkpoint)}, checkpoint=ray.tune.Checkpoint(folder))
            if step == 2 and not checkpoint:
                os.kill(os.getpid(), 9)

    (result,) = tune(train, {}, run={"failure_config": ray.tune.FailureConfig(max_failures=1)})
    assert (result.metrics["step"], result.metrics["began"]) == (4, True)
    assert sorted(folder.name[:7] for folder in tmp_path.glob("saved-*")) == [f"saved-{step}" for step in (1, 2, 3, 4)]


@fact(FIT, requires=RAY, myth="one trial that fails ends the search")
def test_failing_trial_leaves_the_others_alone(tune):
    """A trial of Ray Tune that raises is among `ResultGrid.errors`, and the others end as they would."""
    from ray.tune import grid_search, report

    def train(config):
        report({"loss": 1 / config["lr"]})

    results = tune(train, {"lr": grid_search([0.0, 0.5])})
    assert len(results.errors) == 1 and "ZeroDivisionError" in str(results.errors[0])
    assert [result.metrics["loss"] for result in results if not result.error] == [2.0]


@fact("ray.tune.Tuner.get_results", FIT, requires=RAY, claims=["B04"])
@pytest.mark.usefixtures("tune")  # for what Ray does to this process
def test_results_are_to_be_had_from_the_tuner_too(tmp_path):
    """`Tuner.get_results` of Ray Tune gives what `fit` gave, and before `fit` raises "has not been run"."""
    from ray.tune import RunConfig, Tuner, report

    where = RunConfig(name="run", storage_path=str(tmp_path), verbose=0)
    tuner = Tuner(lambda config: report({"loss": config["lr"]}), param_space={"lr": 0.5}, run_config=where)
    with pytest.raises(RuntimeError, match="has not been run"):
        tuner.get_results()
    (fitted,), (kept,) = tuner.fit(), tuner.get_results()
    assert fitted.metrics["loss"] == kept.metrics["loss"] == 0.5


@fact("ray.tune.Tuner.restore", FIT, requires=RAY, claims=["B04"])
def test_restored_search_runs_what_failed_alone(tune, tmp_path):
    """Ray's `Tuner.restore(..., restart_errored=True)` runs the trials that failed again, not those that had ended."""
    from ray.tune import Tuner, grid_search, report

    ran, mended = tmp_path / "ran", tmp_path / "mended"

    def train(config):
        with ran.open("a") as file:
            file.write(f"{config['number']} ")
        if config["number"] == 1 and not mended.exists():
            raise RuntimeError("no space left on device")
        report({"number": config["number"]})

    tune(train, {"number": grid_search([0, 1])}, max_concurrent_trials=1)
    mended.touch()
    results = Tuner.restore(str(tmp_path / "run"), train, restart_errored=True).fit()
    assert [result.metrics["number"] for result in results] == [0, 1]
    assert ran.read_text().split() == ["0", "1", "1"]


@fact("ray.tune.search.optuna.OptunaSearch", FIT, requires=[RAY, "optuna>=4.1"], claims=["B03"])
def test_searcher_is_told_what_trials_gave(tune, new_study):
    """`OptunaSearch` has Ray Tune try what its sampler draws, and the study is told the loss of each trial."""
    import optuna
    from ray.tune import report
    from ray.tune.search.optuna import OptunaSearch

    def train(config):
        report({"loss": (config["x"] - 1) ** 2})

    def sampler():
        return optuna.samplers.TPESampler(seed=0)

    space = {"x": optuna.distributions.FloatDistribution(-5, 5)}
    searcher = OptunaSearch(space, metric="loss", mode="min", sampler=sampler())
    results = tune(train, None, search_alg=searcher, num_samples=3, max_concurrent_trials=1)
    assert [trial.value for trial in searcher._ot_study.trials] == [result.metrics["loss"] for result in results]
    assert results[0].config == new_study(sampler=sampler()).ask(space).params


BOHB = [RAY, "hpbandster>=0.7.4", "ConfigSpace>=1.2.2"]
quietly = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of hpbandster and Ray


@fact("ray.tune.search.bohb.TuneBOHB", requires=BOHB, claims=["B03"])
@quietly
def test_bohb_suggests_what_is_to_be_tried_first_and_draws_by_its_seed():
    """`TuneBOHB` suggests its `points_to_evaluate` first, and then what its `seed` draws, the same each time."""
    from ray.tune import uniform
    from ray.tune.search.bohb import TuneBOHB

    def points(seed):
        given = {"points_to_evaluate": [{"x": 1.5}], "metric": "loss", "mode": "min"}
        searcher = TuneBOHB(space={"x": uniform(-5, 5)}, seed=seed, **given)
        return [searcher.suggest(str(number))["x"] for number in range(3)]

    first, again, other = points(0), points(0), points(1)
    assert first[0] == other[0] == 1.5
    assert first == again != other


@fact("ray.tune.search.bohb.TuneBOHB", requires=BOHB, claims=["B04"])
@quietly
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bohb_suggests_nearer_to_what_lost_little(seed):
    """`TuneBOHB`, told what twenty trials lost (`on_trial_result`), suggests nearer to the best than one not told."""
    from ray.tune import uniform
    from ray.tune.search.bohb import TuneBOHB

    def distance(is_told):
        searcher = TuneBOHB(space={"x": uniform(-5, 5)}, seed=seed, metric="loss", mode="min")
        for trial in map(str, range(20)):
            told = {"loss": (searcher.suggest(trial)["x"] - 1) ** 2, "training_iteration": 1}
            if is_told:
                searcher.on_trial_result(trial, {**told, "hyperband_info": {"budget": 1}})
        return sum(abs(searcher.suggest(f"next {number}")["x"] - 1) for number in range(20))

    assert distance(is_told=True) < distance(is_told=False)


@fact("ray.tune.search.bohb.TuneBOHB", "ray.tune.schedulers.HyperBandForBOHB", requires=BOHB, claims=["B03", "B04"])
@quietly
def test_bohb_spends_less_on_most_trials(tune):
    """Of three trials, BOHB (`TuneBOHB`, `HyperBandForBOHB`) stops the worse two early, the best comes to `max_t`."""
    from ray.tune import report, uniform
    from ray.tune.schedulers import HyperBandForBOHB
    from ray.tune.search.bohb import TuneBOHB

    def train(config):
        for _ in range(3):
            report({"loss": (config["x"] - 1) ** 2})

    results = tune(
        train,
        {"x": uniform(-5, 5)},
        metric="loss",
        mode="min",
        search_alg=TuneBOHB(points_to_evaluate=[{"x": x} for x in (1.0, 4.0, -4.0)]),
        scheduler=HyperBandForBOHB(max_t=3, reduction_factor=3),
        num_samples=3,
        reuse_actors=True,  # else a process starts for each trial each time that it goes on
    )
    assert [result.metrics["training_iteration"] for result in results] == [3, 1, 1]
