"""Greedy search for the best fusion on a training set, and the rule that prefers the simpler recipe."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from bunri.boxes import IntArray
from bunri.evaluate.bootstrap import Counts, draws_among
from bunri.fuse.options import FuseOptions
from bunri.search.moves import SMALL, complexity, grid, neighbours, single, subsets, with_weights
from bunri.search.scoring import Scorer

GAIN = 1e-5
"""A step must raise mAP50 by so much."""

RESAMPLES = 200
"""For the standard error of a difference."""

MOST_ADDED = 16
"""Greedy selection stops at so many members, counted with repetition."""


@dataclass(frozen=True)
class Step:
    """One better candidate on the way.

    Attributes:
        stage: What was being tried: ``single``, ``grid``, ``add``, ``refine`` or ``simplify``.
        options: The candidate.
        score: Its mAP50 on the training set, which flatters it.
        candidates: How many were scored so far.
        seconds: Since the start.
    """

    stage: str
    options: FuseOptions
    score: float
    candidates: int
    seconds: float


@dataclass(eq=False)
class Climb:
    """A search on one training set of a scorer.

    Attributes:
        scorer: Shared between training sets, so that a candidate is fused once for all of them.
        column: Which weighting of the scorer is the training set.
        groups: ``(I,)`` images of one group are drawn together.
        deadline: On ``time.monotonic``; the best so far is the result.
        on_step: Is told of every better candidate.
    """

    scorer: Scorer
    column: int
    groups: IntArray
    deadline: float = np.inf
    on_step: Callable[[Step], None] = lambda step: None
    steps: list[Step] = field(default_factory=list)
    tried: dict[FuseOptions, float] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    def run(self) -> FuseOptions:
        """The candidate to use: the simplest that cannot be told from the best."""
        members = self.scorer.members
        self._try("single", [single(m, members) for m in range(members)], hurry=False)
        for used in subsets(members):
            self._try("grid", grid(used, members))
        self._add_members()
        self._refine()
        return self._simplest()

    @property
    def best(self) -> Step:
        """The best so far."""
        return self.steps[-1]

    def _try(self, stage: str, candidates: Iterable[FuseOptions], hurry: bool = True) -> bool:
        """Score candidates, a few at a time; tell whether one was better."""
        before, queue = len(self.steps), [candidate for candidate in candidates if candidate not in self.tried]
        size = max(1, self.scorer.threads)
        for first in range(0, len(queue), size):
            if hurry and time.monotonic() > self.deadline:
                break
            batch = queue[first : first + size]
            for candidate, score in zip(batch, self.scorer.scores(batch)[:, self.column].tolist(), strict=True):
                self.tried[candidate] = score
                if not self.steps or score > self.best.score + GAIN:
                    self._note(stage, candidate, score)
        return len(self.steps) > before

    def _note(self, stage: str, options: FuseOptions, score: float) -> None:
        self.steps.append(Step(stage, options, score, len(self.scorer.known), time.monotonic() - self.start))
        self.on_step(self.best)

    def _add_members(self) -> None:
        """From the best single member on, add the member that helps most, again and again (with replacement)."""
        members = self.scorer.members
        if members <= SMALL:
            return  # every subset was tried
        fused = [options for options in self.tried if options.method != "nms"]
        if not fused:
            return  # the time was over before
        plain = max(fused, key=self.tried.__getitem__)
        counts = list(self._best_of(single(m, members) for m in range(members)).weights or ())
        score = -np.inf
        while sum(counts) < MOST_ADDED:
            grown = [[count + (k == m) for k, count in enumerate(counts)] for m in range(members)]
            candidates = [with_weights(plain, weights) for weights in grown]
            self._try("add", candidates)
            best = self._best_of(candidates)
            if self.tried.get(best, -np.inf) <= score + GAIN:
                return
            counts, score = grown[candidates.index(best)], self.tried[best]

    def _best_of(self, candidates: Iterable[FuseOptions]) -> FuseOptions:
        return max(candidates, key=lambda options: self.tried.get(options, -np.inf))

    def _refine(self) -> None:
        """Change one thing at a time while that helps."""
        while self._try("refine", list(neighbours(self.best.options))):
            pass

    def _simplest(self) -> FuseOptions:
        """The one-standard-error rule (Breiman et al. 1984), with the error of the paired difference.

        Of each complexity the best candidate is compared with the best of all; the simplest that is not worse by more
        than one standard error of the difference is taken.
        """
        best = self.best.options
        weights = self.resamples()
        samples = self.scorer.matches(best).mAP50(weights)
        for simpler in self._best_of_each_complexity(below=complexity(best)):
            error = float(np.nanstd(samples - self.scorer.matches(simpler).mAP50(weights)))
            if self.tried[best] - self.tried[simpler] <= error:
                self._note("simplify", simpler, self.tried[simpler])
                return simpler
        return best

    def _best_of_each_complexity(self, below: tuple[int, int]) -> list[FuseOptions]:
        found: dict[tuple[int, int], FuseOptions] = {}
        for options in sorted(self.tried, key=self.tried.__getitem__):
            found[complexity(options)] = options
        return [found[level] for level in sorted(found) if level < below]

    def resamples(self) -> Counts:
        """Weights ``(I, RESAMPLES)`` that draw from the images of the training set."""
        return drawn(self.scorer.weights[:, self.column], self.groups)


def drawn(counted: Counts, groups: IntArray) -> Counts:
    """Weights ``(I, RESAMPLES)`` that draw from the images that count, where ``counted`` ``(I,)`` is not 0."""
    return np.concatenate(list(draws_among(counted, RESAMPLES, groups=groups)), axis=1)
