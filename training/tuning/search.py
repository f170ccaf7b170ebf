"""Search for the settings of a run by short ones: `--search N`, with Optuna."""

from dataclasses import replace
from typing import Any

from training.tuning.check import Checked
from training.tuning.options import Course, TuneCommand
from training.tuning.tracking import Measured

_SHORT = 1 / 5
"""Length of a trial, over that of the run."""


def best_course(command: TuneCommand, checked: Checked, accelerator: Any) -> Course:
    """Try settings on short runs, those that fall behind are ended early, and return the best.

    The study lies in --work: started again, it goes on where it was.
    """
    import optuna
    from optuna.trial import TrialState

    from training.tuning.run import run_tuning  # which calls this

    work = command.running.work
    work.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="tuning",
        storage=f"sqlite:///{work / 'search.db'}",
        sampler=optuna.samplers.TPESampler(seed=command.course.seed),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=1),
        direction="maximize",
        load_if_exists=True,
    )

    def accuracy_of(trial: Any) -> float:
        course = replace(
            command.course,
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 5e-3, log=True),
            rank=trial.suggest_categorical("rank", (8, 16, 32)),
            replay_share=trial.suggest_float("replay_share", 0.2, 0.6) if command.course.replay else 0.0,
            steps=max(1, round(command.course.steps * _SHORT)),
        )
        running = replace(
            command.running, work=work / f"trial-{trial.number}", measure_every=max(1, course.steps // 5), track="none"
        )

        def report(step: int, found: Measured) -> None:
            trial.report(found.accuracy["all"], step)
            if trial.should_prune():
                raise optuna.TrialPruned

        best, *_ = run_tuning(replace(command, course=course, running=running), checked, accelerator, report)
        return best.accuracy["all"]

    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    left = command.running.search - sum(trial.state in ended for trial in study.get_trials(deepcopy=False))
    study.optimize(accuracy_of, n_trials=max(0, left))
    found = study.best_params
    print(f"best of {command.running.search}: {found}, {study.best_value:.1%} right after {_SHORT:.0%} of the steps")
    return replace(command.course, **found)
