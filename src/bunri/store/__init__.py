"""Folders in object storage, or wherever else fsspec reaches: put there whole, fetched and checked by their hashes."""

from bunri.store.fetching import fetch
from bunri.store.file_system import Store
from bunri.store.putting import put
from bunri.store.settings import StoreSettings

__all__ = ["Store", "StoreSettings", "fetch", "put"]
