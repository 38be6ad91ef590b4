"""The same run under Keras' other backends: what is learnt must not depend on what computes it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnext_gui.messages import BatchPoint, EpochLine
from tests.engine.learning import Learner, new_learner, pictures, tiny_weights

__all__ = ["new_learner", "tiny_weights"]

ROOT = Path(__file__).resolve().parents[3]
HOW: dict[str, Any] = {"epochs": 2, "augmentation": "strong", "seed": 7}

TOLERANCE = 1e-4
"""How far two losses may differ, relative to the loss.

Batches, variations and mixing are made by NumPy from the seed, so both backends learn from the same numbers; only the
order in which float32 sums are added differs, 6e-8 a sum.  After the six steps here that has grown to about 5e-7.  A
rate that is not set in one step, or a normalisation with other statistics, makes 1e-2 or more.
"""

SCRIPT = """
import json, sys
from pathlib import Path
from resnext_gui.engine.models.classifier import classify_job
from resnext_gui.messages import Answer, Classify, EpochLine
from tests.engine.learning import Learner, StopAfter
from tests.jobs import in_job

folder, weights, photographs, how = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
made = Learner(Path(folder), Path(weights))
made.scan(Path(photographs))
first = made.train(StopAfter(lambda: len(made.told(EpochLine)) >= 1), **how)
result = made.train(run=first["run"])
classify_job(Classify("c", folder, (photographs,)), in_job(made.events.append))
import keras
with made.project() as project:
    run = project.run(result["run"])
    losses, passes = [point["loss"] for point in run.batches()], run.history()
print(json.dumps({
    "backend": keras.config.backend(), "first": first["status"], "status": result["status"], "exam": result["exam"],
    "loss": losses, "passes": [[line["loss"], line["practice_loss"]] for line in passes],
    "answers": {answer.path: answer.probability for answer in made.told(Answer)},
    "practice": result["finetune_practice_accuracy"],
}))
"""


def in_a_process_of_its_own(backend: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_same_run_on_another_backend(
    name: str, new_learner: Callable[[str], Learner], tiny_weights: Path, tmp_path: Path
) -> None:
    """Stopped after a pass and gone on with, there; in one go, here."""
    import keras

    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: nothing to compare with")
    if keras.config.backend() == name:
        pytest.skip(f"these tests run on {name} themselves: nothing to compare with")
    here = new_learner("here")
    result = here.train(**HOW)
    photographs = str(pictures(tmp_path / "photographs"))
    there = in_a_process_of_its_own(name, str(tmp_path / "there"), str(tiny_weights), photographs, json.dumps(HOW))
    assert (there["backend"], there["first"], there["status"]) == (name, "stopped", "finished")
    np.testing.assert_allclose(there["loss"], [point.loss for point in here.told(BatchPoint)], rtol=TOLERANCE)
    passes = [[line.loss, line.practice_loss] for line in here.told(EpochLine)]
    np.testing.assert_allclose(there["passes"], passes, rtol=TOLERANCE)
    assert len(set(there["loss"])) == len(there["loss"]) == 6
    assert there["practice"] == result["finetune_practice_accuracy"]
    assert there["exam"] == result["exam"] == 6
    assert len(there["answers"]) == 36
    assert all(1 / 3 <= probability <= 1 for probability in there["answers"].values())
