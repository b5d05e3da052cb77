"""The one way a loop of bunri is compiled: numba, on first call, kept on disk where a disk can keep it."""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a function over arrays to machine code; it holds no lock, so threads may run it side by side.

    The machine code is kept in ``__pycache__`` beside the source, in ``NUMBA_CACHE_DIR`` or in the user's cache folder,
    whichever can be written; where none can, every process compiles anew (about two seconds).
    """
    return _jit(function, {"no_cfunc_wrapper": True})


def compiled_part(function: Function) -> Function:
    """Compile a function that only compiled functions call; Python cannot call it, which saves a fifth of the time.

    It becomes part of its caller: handing over a tuple of arrays costs more than most parts take. For the same reason a
    part that runs for every box uses its arrays outside of conditions; numba counts references around others anew.
    The cache of a caller does not see that a part in another file has changed: `make clean` after such a change.
    """
    return _jit(function, {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True})


def _jit(function: Function, options: dict[str, Any]) -> Function:
    import numba

    try:
        kernel: Function = numba.njit(function, cache=True, nogil=True, error_model="numpy", **options)
    except RuntimeError:  # numba's word for "no folder for the cache can be written"
        kernel = numba.njit(function, nogil=True, error_model="numpy", **options)
    return kernel
