"""What a network begins with: which weights, which size, which precision; and that a project goes on with its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resnext_gui.engine.models.feature_cache import FeatureCache, cache_key
from resnext_gui.engine.models.modelfile import weights_facts
from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.engine.weights.load import ResolvedWeights, resolve_weights
from resnext_gui.project import Project

RANDOM_SIZE = 128
"""Side in pixels for a random start, which has no size of its own: small, since it has everything to learn."""


@dataclass(frozen=True)
class Stage:
    """What a network begins with: weights, how its pixels are made, and the seed.

    Attributes:
        resolved: the weights.
        prep: of the pixels, with the size to use.
        seed: of a random start.
        architecture: preset of a random start, else None.
        precision: it computes in.
    """

    resolved: ResolvedWeights
    prep: Preprocessing
    seed: int
    architecture: str | None
    precision: str

    @property
    def width(self) -> int:
        """Features of a photograph."""
        return 256 * int(2 ** (len(self.resolved.architecture["blocks"]) - 1))

    def facts(self) -> dict[str, Any]:
        """Return what finds the same weights again."""
        return weights_facts(self.resolved, self.seed, self.architecture)

    def feature_cache(self, project: Project) -> FeatureCache:
        """Return the features of this stage that are known."""
        key = cache_key(
            weights=self.resolved.sha256, preprocessing=self.prep.to_dict(), precision=self.precision, version=1
        )
        return FeatureCache(project.cache, key, self.width)


def choose_stage(
    project: Project, weights: str | None, size: int | None, seed: int, architecture: str | None, precision: str
) -> Stage:
    """Return what to begin with: what is asked for, else what the project used last, else the best there is.

    Raises:
        UserError: there are no such weights.
    """
    kept: dict[str, Any] = project.setting("stage") or {}
    same = weights is None or weights == kept.get("weights")
    name = kept.get("weights") if weights is None else weights
    if same and kept:
        seed = int(kept.get("seed", seed))
        architecture = architecture or kept.get("architecture")
        size = size or kept.get("size")
    if name != "none":
        architecture, seed = None, 0
    resolved = resolve_weights(name, architecture, seed)
    prep = resolved.preprocessing
    if size is None and resolved.path is None:
        size = RANDOM_SIZE
    return Stage(resolved, prep.with_size(size) if size else prep, seed, architecture, precision)


def keep_stage(project: Project, stage: Stage) -> None:
    """Let the project go on with this stage."""
    values = {
        "weights": stage.resolved.name,
        "size": stage.prep.size,
        "seed": stage.seed,
        "architecture": stage.architecture,
    }
    if not project.read_only and project.setting("stage") != values:
        project.set_setting("stage", values)
