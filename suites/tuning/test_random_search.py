"""Optuna's `RandomSampler`: what it draws, and where it finds more than a grid of as many trials."""

import pytest

from torchproof import fact

pytestmark = [pytest.mark.cpu]

VALUES = [0.1, 0.5, 0.9]


def _search(study, descend, trials=9):
    """A search for the learning rate, and for a hyperparameter that changes nothing."""

    def objective(trial):
        trial.suggest_float("unused", 0, 1)
        return descend(trial.suggest_float("lr", 0, 1))

    study.optimize(objective, n_trials=trials)
    return study


@fact("optuna.samplers.RandomSampler", requires="optuna>=4.1", claims=["B02"])
def test_tries_more_values_of_each_hyperparameter(new_study, descend):
    """Of two hyperparameters, nine trials of `RandomSampler` try nine values of one, and a 3 x 3 grid tries three."""
    from optuna.samplers import GridSampler, RandomSampler

    grid = GridSampler({"lr": VALUES, "unused": VALUES}, seed=0)
    studies = [_search(new_study(sampler=sampler), descend) for sampler in (RandomSampler(seed=0), grid)]
    assert [len({trial.params["lr"] for trial in study.trials}) for study in studies] == [9, 3]


@fact(
    "optuna.samplers.RandomSampler",
    requires=["optuna>=4.1", "scipy"],
    claims=["B02"],
    myth="a grid covers more than random points",
)
def test_beats_a_grid_where_one_hyperparameter_matters_little(new_study, descend):
    """Where one of two hyperparameters changes nothing, nine trials of `RandomSampler` mostly beat a 3 x 3 grid."""
    from optuna.samplers import GridSampler, RandomSampler
    from scipy.stats import binomtest

    grid = _search(new_study(sampler=GridSampler({"lr": VALUES, "unused": VALUES}, seed=0)), descend).best_value
    found = [_search(new_study(sampler=RandomSampler(seed=seed)), descend).best_value for seed in range(40)]
    wins = sum(loss < grid for loss in found)
    assert binomtest(wins, len(found), alternative="greater").pvalue < 0.01


@fact("optuna.samplers.RandomSampler", requires="optuna>=4.1")
def test_is_repeated_by_its_seed(new_study, descend):
    """Two studies with `RandomSampler(seed=0)` try the same points, and `seed=1` tries others."""
    from optuna.samplers import RandomSampler

    first, again, other = (
        [trial.params for trial in _search(new_study(sampler=RandomSampler(seed=seed)), descend).trials]
        for seed in (0, 0, 1)
    )
    assert first == again != other


@fact("optuna.samplers.RandomSampler", requires="optuna>=4.1")
def test_draws_within_the_range(new_study):
    """`RandomSampler` draws numbers within the range of `suggest_float`."""
    from optuna.samplers import RandomSampler

    study = new_study(sampler=RandomSampler(seed=0))
    drawn = {study.ask().suggest_float("x", 10, 10.001) for _ in range(14)}
    assert len(drawn) == 14 and min(drawn) >= 10 and max(drawn) <= 10.001


@fact("optuna.trial.Trial.suggest_float", requires="optuna>=4.1", hint='suggest_float("lr", 1e-5, 1e-1, log=True)')
@pytest.mark.parametrize(("log", "least", "most"), [(True, 0.4, 0.6), (False, 0.0, 0.05)])
def test_log_draws_each_power_of_ten_alike(new_study, log, least, most):
    """From 1e-5 to 1e-1, about half of what `suggest_float(log=True)` draws is below 1e-3, else almost nothing."""
    from optuna.samplers import RandomSampler

    study = new_study(sampler=RandomSampler(seed=0))
    drawn = [study.ask().suggest_float("lr", 1e-5, 1e-1, log=log) for _ in range(200)]
    assert least <= sum(lr < 1e-3 for lr in drawn) / len(drawn) <= most
