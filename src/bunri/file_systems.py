"""File systems behind a URL, by fsspec."""

from typing import Any

from bunri.errors import ConfigError, MissingPackageError


def file_system_of(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path it stands for there; nothing is asked of it yet.

    Raises:
        ConfigError: fsspec knows no such file system.
        MissingPackageError: fsspec, or what it needs for this one, is not installed.
    """
    try:
        from fsspec.core import url_to_fs

        system, root = url_to_fs(url)
    except ImportError as error:
        raise MissingPackageError(f"{url} needs a package that is not installed: {error}. {_install(error)}") from error
    except ValueError as error:
        raise ConfigError(f"{url} must be a URL of a file system fsspec knows, but: {error}") from error
    return system, str(root)


def _install(error: ImportError) -> str:
    if error.name == "fsspec":
        return "pip install 'bunri[store]'"
    return "Install it beside bunri, for example `pip install s3fs` for s3://."
