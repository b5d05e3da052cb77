"""What members are worth, as text."""

import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

from bunri.cli.output import table

if TYPE_CHECKING:
    from bunri.evaluate import Overlap
    from bunri.gain import AddedMember, GainPrediction, GainReport, Pair, Share, Shares


def report_text(found: "GainReport") -> str:
    """All tables, one below the other."""
    blocks = [added_text(one) for one in found.added]
    if found.shares is not None:
        blocks.append(f"on the {found.images} images all members looked at, value {found.shares.value}:")
        blocks += shares_text(found.shares)
        blocks.append(pairs_text(found.pairs))
    if found.prediction is not None:
        blocks.append(prediction_text(found.prediction))
    return "\n\n".join([*blocks, *found.notes])


def added_text(found: "AddedMember") -> str:
    """What a member adds, and who finds what."""
    result, overlap = found.comparison, found.overlap
    foretold = "" if found.predicted is None else f"; overlap foretold {found.predicted:+.4f}"
    head = [
        f"adding {found.added}: {result.difference_in_words} ({result.verdict}, p = {result.p_value:.3g}, "
        f"{result.images} images){foretold}",
        f"without: {result.mAP50_b:.4f}, {found.without.recipe}",
        f"with:    {result.mAP50_a:.4f}, {found.with_it.recipe}",
        f"{found.features.rescued:.4f} mAP50 lie in the objects only {found.added} finds; it shares "
        f"{found.features.shared_false:.0%} of the ensemble's false boxes",
    ]
    rows = [("all", *_counts(overlap.total))]
    parts = [*overlap.by_size.items(), *overlap.by_class.items()]
    rows += [(name, *_counts(one)) for name, one in parts if any(astuple(one))]
    return "\n".join(
        [*head, "", table(("objects found by", "both", "only ensemble", f"only {found.added}", "none"), rows)]
    )


def _counts(one: "Overlap") -> tuple[str, ...]:
    return tuple(str(count) for count in astuple(one))


def shares_text(found: "Shares") -> list[str]:
    """Shares of members and of families, and the greedy curve."""
    header = ("alone", "share of mAP50", "share of the gain")
    above = found.mAP50 - found.best_single_mAP50
    blocks = [
        f"all together {found.mAP50:.4f}, {above:+.4f} over {found.best_single} alone; none at all has 0",
        table(("member", *header), _share_rows(found.members)),
    ]
    if found.families:
        blocks.append(table(("family", *header), _share_rows(found.families)))
    if found.orders is not None:
        worst = max(share.error for share in found.members)
        blocks.append(f"shares of {found.orders} orders drawn; standard error up to {worst:.4f}")
    curve = [(f"+ {s.added}", f"{s.mAP50:.4f}", with_interval(s.gain, s.low, s.high)) for s in found.curve]
    return [*blocks, table(("greedy curve", "mAP50", "gain"), curve)]


def _share_rows(shares: "Sequence[Share]") -> list[tuple[str, ...]]:
    return [
        (
            share.name,
            f"{share.mAP50:.4f}",
            with_interval(share.share, share.low, share.high),
            with_interval(share.of_gain, share.of_gain_low, share.of_gain_high),
        )
        for share in shares
    ]


def pairs_text(pairs: "Sequence[Pair]") -> str:
    """What fusing any two brings over the stronger, beside their overlap."""
    rows = [
        (
            f"{pair.a} + {pair.b}",
            "-" if pair.same_family is None else "within" if pair.same_family else "across",
            with_interval(pair.gain, pair.low, pair.high),
            "-" if pair.predicted is None else f"{pair.predicted:+.4f}",
            f"{pair.features.rescued:.4f}",
            f"{pair.union_recall:.3f}",
            *_counts(pair.overlap.total),
        )
        for pair in pairs
    ]
    found = ("both", "only 1st", "only 2nd", "none")
    return table(("pair", "families", "gain", "foretold", "rescued", "union recall", *found), rows)


def prediction_text(found: "GainPrediction") -> str:
    """How far to believe what overlap foretells."""
    return (
        f"foretold and measured gains of {found.pairs} pairs of {found.members} members, each pair left out: rank "
        f"correlation {with_interval(found.rank_correlation, found.low, found.high)}, of rescued mAP50 alone "
        f"{found.rescued_rank_correlation:+.2f}; mean error {found.mean_error:.4f} (of the mean gain: "
        f"{found.mean_error_of_mean:.4f}). Pairs share members: this is weak evidence where those are few"
    )


def with_interval(value: float, low: float, high: float) -> str:
    """A signed number with its interval, where there is one."""
    return f"{value:+.4f}" if math.isnan(low) else f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
