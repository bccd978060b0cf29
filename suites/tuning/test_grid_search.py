"""Optuna's `GridSampler`: which points are tried, how often and in what order; Ray Tune's grids: test_ray_tune."""

import pytest

from torchproof import fact

pytestmark = [pytest.mark.cpu]

GRID = {"lr": [0.001, 0.1, 0.5], "momentum": [0.0, 0.9]}


def _tried(study, grid, more=0):
    """The points that a grid search tried, as (lr, momentum, ...) in the order of trials."""

    def objective(trial):
        return sum(trial.suggest_float(name, 0, 1) for name in grid)

    study.optimize(objective, n_trials=more or None)
    return [tuple(trial.params[name] for name in grid) for trial in study.trials]


@fact("optuna.samplers.GridSampler", "optuna.study.Study.optimize", requires="optuna>=4.1", claims=["B01"])
def test_tries_each_point_once_and_ends(new_study):
    """Optuna's `GridSampler` tries every combination of the listed values once, and then ends the study by itself."""
    from optuna.samplers import GridSampler

    points = _tried(new_study(sampler=GridSampler(GRID, seed=0)), GRID)
    assert sorted(points) == [(lr, momentum) for lr in GRID["lr"] for momentum in GRID["momentum"]]


@fact(
    "optuna.samplers.GridSampler",
    requires="optuna>=4.1",
    claims=["B01"],
    myth="grid search steps through a hyperparameter at equal intervals",
)
def test_takes_the_values_that_are_listed(new_study):
    """A grid search with Optuna's `GridSampler` tries the listed values, which need not be at equal intervals."""
    from optuna.samplers import GridSampler

    points = _tried(new_study(sampler=GridSampler({"lr": [0.001, 0.1, 0.5]}, seed=0)), ["lr"])
    assert sorted(lr for (lr,) in points) == [0.001, 0.1, 0.5]


@fact("optuna.samplers.GridSampler", requires="optuna>=4.1", hint="random search, whose trials do not multiply")
def test_trials_multiply_with_each_hyperparameter(new_study):
    """A grid search by `GridSampler` over four hyperparameters of three values each tries 3 ** 4 = 81 points."""
    from optuna.samplers import GridSampler

    grid = {name: [0.0, 0.5, 1.0] for name in ("lr", "momentum", "dropout", "decay")}
    assert len({*_tried(new_study(sampler=GridSampler(grid, seed=0)), grid)}) == 3**4


@fact("optuna.samplers.GridSampler", requires="optuna>=4.1", myth="the order of a grid search is that of its lists")
def test_order_is_drawn_by_the_seed(new_study):
    """Optuna's `GridSampler` tries the points in an order that its seed draws, the same one each time."""
    from optuna.samplers import GridSampler

    first, again, other = (_tried(new_study(sampler=GridSampler(GRID, seed=seed)), GRID) for seed in (0, 0, 1))
    assert first == again != other


@fact("optuna.samplers.GridSampler", "optuna.trial.Trial.suggest_float", requires="optuna>=4.1")
def test_goes_beyond_the_range_with_a_warning(new_study):
    """A trial takes a value of `GridSampler` beyond the range of `suggest_float`, with the warning "out of range"."""
    from optuna.samplers import GridSampler

    study = new_study(sampler=GridSampler({"lr": [2.0]}, seed=0))
    with pytest.warns(UserWarning, match="out of range"):
        study.optimize(lambda trial: trial.suggest_float("lr", 0, 1), n_trials=1)
    assert study.trials[0].params == {"lr": 2.0}
