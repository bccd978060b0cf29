"""Optuna's study: directions, trials that fail or are pruned, storage and objectives; samplers have their own files."""

import gc
import os
import threading
import weakref

import pytest
import torch

from torchproof import fact

pytestmark = [pytest.mark.cpu]


def _x(trial):
    return trial.suggest_float("x", 0, 1)


def _states(study):
    return [trial.state.name for trial in study.trials]


# --- directions and seeds ---------------------------------------------------------------------------------------------


@fact(
    "optuna.create_study",
    requires="optuna>=4.1",
    myth="a study maximises the accuracy that is returned",
    hint='create_study(direction="maximize")',
)
def test_minimizes_by_default(new_study):
    """A study of `optuna.create_study` minimizes by default: `best_value` is the least that the objective returned."""
    study = new_study()
    study.optimize(_x, n_trials=5)
    assert study.best_value == min(trial.value for trial in study.trials)


@fact("optuna.create_study", requires="optuna>=4.1")
def test_maximizes_where_it_is_told_to(new_study):
    """With `create_study(direction="maximize")`, Optuna's `best_value` is the largest that the objective returned."""
    study = new_study(direction="maximize")
    study.optimize(_x, n_trials=5)
    assert study.best_value == max(trial.value for trial in study.trials)


@fact(
    "optuna.create_study",
    requires="optuna>=4.1",
    myth="torch.manual_seed repeats a search",
    hint="create_study(sampler=TPESampler(seed=0))",
)
def test_is_not_repeated_by_the_seed_of_torch(new_study):
    """`torch.manual_seed` does not repeat what an Optuna study tries: the sampler has a seed of its own."""
    tried = []
    for study in (new_study(), new_study()):
        torch.manual_seed(0)
        study.optimize(_x, n_trials=1)
        tried.append(study.trials[0].params)
    assert tried[0] != tried[1]


@fact("optuna.study.Study.optimize", requires="optuna>=4.1", myth="n_trials is how many trials a study has in all")
def test_n_trials_are_more_trials(new_study):
    """`Study.optimize(n_trials=3)` of Optuna runs three more trials, also where the study has three already."""
    study = new_study()
    for _ in range(2):
        study.optimize(_x, n_trials=3)
    assert len(study.trials) == 6


# --- what an objective asks for ---------------------------------------------------------------------------------------


@fact("optuna.trial.Trial.suggest_float", requires="optuna>=4.1")
def test_a_name_has_one_value_in_a_trial(new_study):
    """`suggest_float` of the same name gives the same value twice in one Optuna trial."""
    trial = new_study().ask()
    assert _x(trial) == _x(trial)


@fact("optuna.trial.Trial.suggest_categorical", requires="optuna>=4.1")
def test_choices_cannot_change_between_trials(new_study):
    """`suggest_categorical` with other choices than in an earlier Optuna trial raises "dynamic value space"."""
    study = new_study()
    study.optimize(lambda trial: len(trial.suggest_categorical("optimizer", ["SGD", "Adam"])), n_trials=1)
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        study.ask().suggest_categorical("optimizer", ["SGD", "AdamW"])


@fact("optuna.study.Study.enqueue_trial", requires="optuna>=4.1")
def test_enqueued_trials_go_first(new_study):
    """`Study.enqueue_trial` has its point tried first, such as one that is known to be good."""
    study = new_study()
    study.enqueue_trial({"x": 0.25})
    study.optimize(_x, n_trials=2)
    assert study.trials[0].params == {"x": 0.25} != study.trials[1].params


@fact("optuna.trial.Trial.suggest_int", requires="optuna>=4.1", myth="the upper bound is left out, as in range()")
def test_suggest_int_includes_both_bounds(new_study):
    """Optuna's `suggest_int("layers", 1, 3)` draws 1, 2 and 3, with both bounds."""
    study = new_study()
    assert {study.ask().suggest_int("layers", 1, 3) for _ in range(50)} == {1, 2, 3}


@fact(
    "optuna.trial.Trial.suggest_float",
    "optuna.trial.Trial.suggest_int",
    "optuna.trial.Trial.suggest_categorical",
    requires="optuna>=4.1",
)
def test_what_is_suggested_is_in_the_params_of_the_trial(new_study):
    """What `suggest_float`, `suggest_int` and `suggest_categorical` give stands in `Trial.params`."""
    trial = new_study().ask()
    given = {
        "x": _x(trial),
        "layers": trial.suggest_int("layers", 1, 3),
        "optimizer": trial.suggest_categorical("optimizer", ["SGD", "Adam"]),
    }
    assert trial.params == given


# --- trials that do not end -------------------------------------------------------------------------------------------


@fact(
    "optuna.study.Study.optimize",
    requires="optuna>=4.1",
    hint="optimize(objective, catch=(RuntimeError,)), such as for out of memory",
)
def test_an_error_ends_the_study(new_study):
    """An exception of the objective, such as "out of memory", ends Optuna's `Study.optimize`: the trial is FAIL."""
    study = new_study()
    with pytest.raises(RuntimeError, match="out of memory"):
        study.optimize(_fail, n_trials=3)
    assert _states(study) == ["FAIL"]


def _fail(trial):
    raise RuntimeError("out of memory")


@fact("optuna.study.Study.optimize", requires="optuna>=4.1")
def test_a_caught_error_ends_the_trial_alone(new_study):
    """`Study.optimize(catch=(RuntimeError,))` goes on after a trial that raises one, which has failed."""
    study = new_study()
    study.optimize(lambda trial: _x(trial) if trial.number else _fail(trial), n_trials=3, catch=(RuntimeError,))
    assert _states(study) == ["FAIL", "COMPLETE", "COMPLETE"]


@fact("optuna.study.Study.optimize", requires="optuna>=4.1", myth="a loss of NaN counts as the worst value")
def test_nan_fails_the_trial(new_study):
    """An Optuna trial that returns NaN, as of a loss that diverged, fails, but does not end `Study.optimize`."""
    study = new_study()
    study.optimize(lambda trial: _x(trial) if trial.number else float("nan"), n_trials=2)
    assert _states(study) == ["FAIL", "COMPLETE"]
    assert study.best_trial.number == 1


@fact("optuna.trial.Trial.should_prune", "optuna.pruners.MedianPruner", requires="optuna>=4.1")
@pytest.mark.parametrize(("loss", "prunes"), [(9.0, True), (1.0, False)])
def test_median_pruner_stops_what_is_worse_than_the_median(new_study, loss, prunes):
    """After five trials, `should_prune` of a `MedianPruner` is True just where a value is worse than their median."""
    from optuna.pruners import MedianPruner

    study = new_study(pruner=MedianPruner())
    for value in (1.0, 2.0, 3.0, 4.0, 5.0):
        trial = study.ask()
        trial.report(value, 0)
        study.tell(trial, value)
    trial = study.ask()
    trial.report(loss, 0)
    assert trial.should_prune() == prunes


@fact("optuna.pruners.MedianPruner", "optuna.trial.Trial.should_prune", requires="optuna>=4.1")
def test_median_pruner_leaves_the_first_five_trials_alone(new_study):
    """A `MedianPruner` prunes nothing before five trials (`n_startup_trials`) are complete."""
    study, said = new_study(), []
    for value in (1.0, 1.0, 1.0, 1.0, 9.0, 9.0):
        trial = study.ask()
        trial.report(value, 0)
        said.append(trial.should_prune())
        study.tell(trial, value)
    assert said == [False] * 5 + [True]


@fact(
    "optuna.trial.Trial.should_prune",
    "optuna.exceptions.TrialPruned",
    requires="optuna>=4.1",
    myth="should_prune() stops the trial",
)
def test_pruning_is_the_objectives_own_doing(new_study):
    """`should_prune` stops nothing: a trial goes on until the objective raises `TrialPruned`, and is PRUNED then."""
    import optuna

    def objective(trial):
        trial.report(float(trial.number), 0)
        if trial.should_prune() and trial.number == 6:
            raise optuna.TrialPruned
        return float(trial.number)

    study = new_study(pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=7)
    assert _states(study) == ["COMPLETE"] * 6 + ["PRUNED"]


@pytest.fixture
def no_collection():
    """Python does not look for cycles by itself, which may be at any time."""
    gc.disable()
    yield
    gc.enable()


@fact(
    "optuna.study.Study.optimize",
    requires="optuna>=4.1",
    myth="the memory of a trial is free again when its objective returns",
    hint="optimize(objective, n_trials, gc_after_trial=True)",
)
@pytest.mark.parametrize(("collects", "left"), [(False, 3), (True, 0)])
def test_models_in_a_cycle_stay_in_memory_after_their_trial(new_study, no_collection, collects, left):
    """A model in a cycle of references outlives its trial, up to out of memory (OOM), without `gc_after_trial=True`."""
    models = []

    def objective(trial):
        model = torch.nn.Linear(2, 2)
        model.register_forward_hook(lambda *_: model)
        models.append(weakref.ref(model))
        return _x(trial)

    new_study().optimize(objective, n_trials=3, gc_after_trial=collects)
    assert sum(model() is not None for model in models) == left


# --- storage and threads ----------------------------------------------------------------------------------------------


@fact("optuna.create_study", requires="optuna>=4.1", myth="a study is saved by itself")
def test_is_kept_by_a_storage_alone(new_study, tmp_path):
    """With a `storage` and `load_if_exists=True`, `optuna.create_study` has the trials of before; without, none."""
    storage, counts = f"sqlite:///{tmp_path / 'study.db'}", []
    for options in ({"storage": storage, "study_name": "one", "load_if_exists": True}, {"study_name": "one"}):
        for _ in range(2):
            study = new_study(**options)
            study.optimize(_x, n_trials=2)
        counts.append(len(study.trials))
        close(study)
    assert counts == [4, 2]


@fact("optuna.create_study", requires="optuna>=4.1", hint="create_study(..., load_if_exists=True)")
def test_is_not_made_twice_by_one_name(new_study, tmp_path):
    """`create_study` with the name of a study that its `storage` has raises DuplicatedStudyError: "already exists"."""
    from optuna.exceptions import DuplicatedStudyError

    options = {"storage": f"sqlite:///{tmp_path / 'study.db'}", "study_name": "one"}
    study = new_study(**options)
    with pytest.raises(DuplicatedStudyError, match="already exists"):
        new_study(**options)
    close(study)


def close(study):
    """Close the connections of its storage."""
    study._storage.remove_session()
    if engine := getattr(getattr(study._storage, "_backend", None), "engine", None):
        engine.dispose()


@fact(
    "optuna.study.Study.optimize",
    requires="optuna>=4.1",
    myth="n_jobs=2 runs trials in two processes",
    hint="several processes that load one study from a storage",
)
def test_n_jobs_are_threads_of_this_process(new_study):
    """`Study.optimize(n_jobs=2)` of Optuna runs trials in two threads of this process at once."""
    meet, ran = threading.Barrier(2, timeout=20), set()

    def objective(trial):
        meet.wait()
        ran.add((os.getpid(), threading.get_ident()))
        return _x(trial)

    new_study().optimize(objective, n_trials=2, n_jobs=2)
    assert len(ran) == 2
    assert {process for process, _ in ran} == {os.getpid()}
