"""Own the way from LiteLLM's proxy: its `config.yaml` becomes a config of Gearshift's.

Read `translation.py` for the way from one to the other.
"""

from gearshift.migration.litellm.includes import Source, included, merged
from gearshift.migration.litellm.translation import Translation, translate

__all__ = ["Source", "Translation", "included", "merged", "translate"]
