"""Top-level names of a config file: what the runner reads, variables the file uses, and those that change nothing."""

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bunri.settings import nearest

FURTHER_KEYS = (
    "activation_checkpointing",
    "compile",
    "custom_imports",
    "default_scope",
    "efficient_conv_bn_eval",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "runner_type",
    "sync_bn",
    "tta_model",
    "tta_pipeline",
)
"""Keys MMEngine and MMDetection read from a config beside the arguments of the runner."""

UNREAD = ("test_cfg", "test_dataloader", "test_evaluator", "tta_model", "tta_pipeline")
"""Keys of MMDetection's own testing: bunri predicts by the validation's pipeline and its own views."""

SET_BY_BUNRI = ("experiment_name", "launcher", "resume", "runner_type", "visualizer", "work_dir")
"""Keys whose value in a native config is replaced whatever it is."""

DATA_VARIABLES = (
    "backend_args",
    "classes",
    "data_root",
    "dataset_type",
    "metainfo",
    "palette",
)
"""Usual names of what the data set says here; whether they are used makes no difference."""


@cache
def runner_keys() -> tuple[str, ...]:
    """Top-level keys that do something."""
    import inspect

    from mmengine.runner import Runner

    arguments = set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}
    return tuple(sorted(arguments | set(FURTHER_KEYS)))


def unused(files: Sequence[Path]) -> list[str]:
    """One sentence for each name that files of a user assign at the top and that nothing reads.

    A config file may have variables of its own; one that is never used is a misspelt key, or a variable of a base that
    has been evaluated there already.
    """
    trees = {file: _tree(file) for file in files}
    used = {name for tree in trees.values() for name in _names_used(tree)}
    fine = {*runner_keys(), *DATA_VARIABLES, *used}
    return [
        f"{name}: unknown key, and a variable nothing in {file.name} uses{nearest(name, runner_keys())}"
        for file, tree in trees.items()
        for name in _names_assigned(tree)
        if name not in fine and not name.startswith("_")
    ]


def _tree(file: Path) -> ast.Module:
    """Of a Python file its syntax; of YAML or JSON an assignment for each top-level key."""
    if file.suffix == ".py":
        return ast.parse(file.read_text(encoding="utf-8"))
    import mmengine

    keys = [key for key in mmengine.load(str(file)) if str(key).isidentifier()]
    return ast.parse("\n".join(f"{key} = None" for key in keys))


def _names_assigned(tree: ast.Module) -> list[str]:
    targets = [
        target
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return list(dict.fromkeys(target.id for target in targets if isinstance(target, ast.Name)))


def _names_used(tree: ast.Module) -> set[str]:
    """Names that are read, by themselves or as ``_base_.name``."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    of_base = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "_base_"
    }
    return names | of_base
