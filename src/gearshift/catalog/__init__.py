"""Own what can be called: a config, its prices and its models' facts made into deployments."""

from gearshift.catalog.catalog import Catalog, build

__all__ = ["Catalog", "build"]
