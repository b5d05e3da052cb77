"""What a ``type`` of a config names: classes and functions of the registries, and the arguments they take."""

import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any


@cache
def parameters(name: str) -> frozenset[str] | None:
    """Arguments of everything a ``type`` may name; None where one of them takes any."""
    found: set[str] = set()
    for target in targets(name):
        mine = _arguments(target)
        if mine is None:
            return None
        found |= mine
    return frozenset(found)


def _arguments(target: Any) -> set[str] | None:
    """Of a function or a class its arguments, through ``**kwargs`` up the classes it derives from."""
    names: set[str] = set()
    several = inspect.isclass(target) and any(len(base.__bases__) > 1 for base in target.__mro__)
    is_open = True
    for maker in _makers(target):
        try:
            signature = inspect.signature(maker).parameters.values()
        except (TypeError, ValueError):
            return None
        names |= {p.name for p in signature if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        is_open = any(p.kind is p.VAR_KEYWORD for p in signature)
        if not is_open and not several:  # of several bases a class may call any
            break
    return None if is_open and not several else names - {"self"}


def _makers(target: Any) -> Iterator[Any]:
    if not inspect.isclass(target):
        yield target
        return
    for base in target.__mro__[:-1]:
        if "__init__" in vars(base):
            yield vars(base)["__init__"]


@cache
def registries() -> tuple[Any, ...]:
    """MMDetection's registries; each also finds what MMEngine and MMCV registered."""
    from mmdet import registry
    from mmengine.registry import Registry

    return tuple(value for value in vars(registry).values() if isinstance(value, Registry))


@cache
def targets(name: str) -> tuple[Any, ...]:
    """All classes and functions a ``type`` may name."""
    found = {}
    for registry in registries():
        try:
            target = registry.get(name)
        except RuntimeError:
            continue
        if target is not None:
            found[id(target)] = target
    operator = getattr(import_module("mmcv.ops"), name.rpartition(".")[2], None)  # looked up there by name
    return tuple(found.values()) or ((operator,) if callable(operator) else ())


@cache
def all_names() -> tuple[str, ...]:
    """Every name that is registered."""
    names = set()
    for registry in registries():
        while registry is not None:
            names |= set(registry.module_dict)
            registry = registry.parent
    return tuple(sorted(names))
