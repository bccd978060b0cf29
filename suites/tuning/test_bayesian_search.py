"""Optuna's `TPESampler`, which chooses the next trial by what the earlier ones gave; BOHB is in test_ray_tune."""

import pytest

from torchproof import fact

pytestmark = [pytest.mark.cpu]


def _bowl(trial):
    """A function of two numbers, which is least at (1.3, -2.1)."""
    return (trial.suggest_float("x", -5, 5) - 1.3) ** 2 + (trial.suggest_float("y", -5, 5) + 2.1) ** 2


def _points(study, objective, trials):
    study.optimize(objective, n_trials=trials)
    return [(*trial.params.values(),) for trial in study.trials]


@fact("optuna.samplers.TPESampler", requires="optuna>=4.1", claims=["B03"])
def test_first_ten_trials_are_random(new_study):
    """`TPESampler`'s first ten trials (`n_startup_trials`) are the same whatever they give, the later ones are not."""
    from optuna.samplers import TPESampler

    up, down = (
        _points(new_study(sampler=TPESampler(seed=0)), lambda trial, sign=sign: sign * _bowl(trial), 14)
        for sign in (1, -1)
    )
    assert up[:10] == down[:10]
    assert not {*up[10:]} & {*down[10:]}


def searches_at_random(patch):
    """What was seen is of no use."""
    import optuna

    patch.setattr(optuna.samplers, "TPESampler", optuna.samplers.RandomSampler)


@fact("optuna.samplers.TPESampler", requires=["optuna>=4.1", "scipy"], claims=["B03"], refuter=searches_at_random)
def test_comes_closer_than_random_search(new_study):
    """On a bowl of two dimensions, 40 trials of `TPESampler` come closer than 40 of `RandomSampler`, over 11 seeds."""
    import optuna
    from scipy.stats import wilcoxon

    best = [
        [_best(new_study(sampler=sampler(seed=seed))) for seed in range(11)]
        for sampler in (optuna.samplers.TPESampler, optuna.samplers.RandomSampler)
    ]
    assert wilcoxon(*best, alternative="less").pvalue < 0.01


def _best(study):
    study.optimize(_bowl, n_trials=40)
    return study.best_value


@fact("optuna.samplers.TPESampler", requires="optuna>=4.1", hint="TPESampler(seed=0), and n_jobs=1")
def test_is_repeated_by_its_seed(new_study):
    """Two studies with `TPESampler(seed=0)` try the same points, those that depend on what was seen too."""
    from optuna.samplers import TPESampler

    first, again, other = (_points(new_study(sampler=TPESampler(seed=seed)), _bowl, 14) for seed in (0, 0, 1))
    assert first == again != other


@fact("optuna.samplers.TPESampler", requires="optuna>=4.1")
def test_draws_within_the_range(new_study):
    """`TPESampler` draws numbers within the range of `suggest_float`, in its random trials and in the later ones."""
    from optuna.samplers import TPESampler

    study = new_study(sampler=TPESampler(seed=0))
    study.optimize(lambda trial: -trial.suggest_float("x", 10, 10.001), n_trials=14)
    drawn = {trial.params["x"] for trial in study.trials}
    assert len(drawn) == 14 and min(drawn) >= 10 and max(drawn) <= 10.001


@fact("optuna.samplers.TPESampler", requires="optuna>=4.1")
@pytest.mark.parametrize(("multivariate", "jointly"), [(True, ["x", "y"]), (False, [])], ids=["jointly", "each_alone"])
def test_searches_jointly_if_multivariate(new_study, multivariate, jointly):
    """`TPESampler(multivariate=True)` searches the hyperparameters of ended trials jointly, else each alone."""
    from optuna.samplers import TPESampler

    sampler = TPESampler(seed=0, multivariate=multivariate)
    study = new_study(sampler=sampler)
    study.optimize(_bowl, n_trials=1)
    assert [*sampler.infer_relative_search_space(study, study.trials[0])] == jointly


@fact("optuna.create_study", requires="optuna>=4.1", myth="Optuna searches at random by default")
def test_is_what_create_study_does_by_default(new_study):
    """An Optuna study of one direction that `create_study` makes without a sampler searches by `TPESampler`."""
    assert type(new_study().sampler).__name__ == "TPESampler"
