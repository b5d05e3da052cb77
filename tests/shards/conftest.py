"""The server that speaks S3."""

from store.conftest import bucket, endpoint

__all__ = ["bucket", "endpoint"]
