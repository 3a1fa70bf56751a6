"""Own what an operator says: a YAML or TOML file, the environment, and the built-in providers.

Read `model.py` for the sections and `loading.py` for the way from a file to a `Config`.
"""

from gearshift.config.initial import from_environment, render_initial
from gearshift.config.loading import check_secrets, from_mapping, load, unreadable
from gearshift.config.model import (
    Config,
    DeploymentConfig,
    LoggingConfig,
    ModelConfig,
    ProviderConfig,
    ReliabilityConfig,
    ServerConfig,
)
from gearshift.config.routers import RouterConfig, Rule
from gearshift.config.secret import Secret, resolve_document, resolve_secret

__all__ = [
    "Config",
    "DeploymentConfig",
    "LoggingConfig",
    "ModelConfig",
    "ProviderConfig",
    "ReliabilityConfig",
    "RouterConfig",
    "Rule",
    "Secret",
    "ServerConfig",
    "check_secrets",
    "from_environment",
    "from_mapping",
    "load",
    "render_initial",
    "resolve_document",
    "resolve_secret",
    "unreadable",
]
