"""The leaderboard as text."""

from bunri.cli.output import print_text, table
from bunri.experiment import Leaderboard, Row

HEADER = ("model", "stages", "mAP50 out of fold", "mAP50_95", "mAP50 on test", "train minutes")


def print_leaderboard(board: Leaderboard) -> None:
    """The table on stdout, the ensemble last, and below it what the ensemble gains."""
    print_text(table(HEADER, [_cells(row) for row in board.rows]))
    for row in board.rows:
        if row.stopped_early is not None:
            print_text(f"no scores of {row.stopped_early}")
    for sentence in board.gain_in_words:
        print_text(sentence)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.model,
        row.stages or "-",
        _with_interval(row.mAP50, row.low, row.high),
        "-" if row.mAP50_95 is None else f"{row.mAP50_95:.4f}",
        _with_interval(row.test_mAP50, row.test_low, row.test_high),
        "-" if row.minutes is None else f"{row.minutes:.1f}",
    )


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if low is None else f"{value:.4f} [{low:.4f}, {high:.4f}]"
