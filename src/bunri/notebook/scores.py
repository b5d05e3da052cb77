"""Scores, comparisons and recipes of ensembles as a notebook shows them."""

from bunri.evaluate import Comparison, Evaluation
from bunri.notebook import html
from bunri.search import EnsembleRecipe, SearchResult


def evaluation_html(evaluation: Evaluation) -> str:
    """The means, and the scores of each class and size."""
    number = html.number
    title = f"mAP50 {number(evaluation.mAP50)}, mAP50:95 {number(evaluation.mAP50_95)}"
    seen = f"{evaluation.images:,} images; lowest score {number(evaluation.lowest_score, 4)}"
    if evaluation.images_not_seen:
        seen += f"; {evaluation.images_not_seen:,} images were not looked at and do not count"
    classes = [(name, number(AP50), number(evaluation.AP50_95[name])) for name, AP50 in evaluation.AP50.items()]
    by_size = evaluation.mAP50_by_size.items()
    sizes = [(size, number(mAP50), number(evaluation.mAP50_95_by_size[size])) for size, mAP50 in by_size]
    return html.block(
        title,
        html.sentence(seen),
        html.table(["class", "AP50", "AP50:95"], classes),
        html.table(["size", "mAP50", "mAP50:95"], sizes),
    )


def comparison_html(comparison: Comparison) -> str:
    """The verdict first, then what it stands on."""
    first, second = comparison.a or "a", comparison.b or "b"
    title = f"{first} minus {second}: {comparison.difference:+.4f}, {comparison.verdict}"
    interval = f"[{comparison.low:+.4f}, {comparison.high:+.4f}]"
    facts = f"95% interval {interval}, p = {comparison.p_value:.3g}, {comparison.images:,} images, in pairs"
    rows = [(first, html.number(comparison.mAP50_a, 4)), (second, html.number(comparison.mAP50_b, 4))]
    return html.block(title, html.sentence(facts), html.table(["member", "mAP50"], rows))


def recipe_html(recipe: EnsembleRecipe) -> str:
    """The recipe in a sentence, and its members."""
    rows = zip(recipe.members, (f"{w:g}" for w in recipe.weights), (f"{s:g}" for s in recipe.min_score), strict=True)
    return html.block(str(recipe), html.table(["member", "weight", "score from"], rows))


def search_html(result: SearchResult) -> str:
    """The honest score, the gain, and the recipe."""
    title = f"Ensemble: mAP50 {result.score:.4f} [{result.low:.4f}, {result.high:.4f}] on photos it was found without"
    families = [(name, html.number(score, 4)) for name, score in result.family_scores.items()]
    notes = [html.sentence(note) for note in result.notes]
    parts = recipe_html(result.recipe), comparison_html(result.gain), html.table(["family", "mAP50"], families)
    return html.block(title, *parts, *notes)
