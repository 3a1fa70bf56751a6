"""The text is the config, told with where it came from."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config.document import parse_yaml
from gearshift.migration.findings import Finding
from gearshift.migration.rendering import render

CONFIG: dict[str, dict[str, object]] = {
    "server": {"admin_key": "env:KEY", "keys": ["env:KEY"]},
    "providers": {
        "lab": {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9/v1", "key": "env:LAB"},
        "ollama": {},
    },
    "models": {"it's: odd": {"deployments": [{"provider": "lab", "price": {"input": 0.1, "output": 3e-07}}]}},
}


def text(config: dict[str, dict[str, object]], **told: tuple[object, ...]) -> str:
    origins = {("providers", "lab"): "model_list[0]"}
    rest = {"not_carried": (), "assumptions": (), **told}
    return render(config, origins, source="config.yaml", **rest)  # type: ignore[arg-type]


def test_it_reads_as_a_config_that_a_person_wrote() -> None:
    left = Finding(where="model_list[0].rpm", found="6", why="no limits", do="nothing")

    assert text(CONFIG, not_carried=(left,), assumptions=("all is well",)) == (
        "# From config.yaml, by `gearshift import`. Every key and its default: docs/reference/configuration.md\n"
        "# Secrets are never written here: env:NAME and file:PATH say where they are.\n"
        "\n"
        "server:  # where the gateway listens, and whom it lets in\n"
        "  admin_key: env:KEY\n"
        "  keys: [env:KEY]\n"
        "\n"
        "providers:  # the endpoints\n"
        "  # model_list[0]\n"
        "  lab: {protocol: openai_chat, base_url: http://127.0.0.1:9/v1, key: env:LAB}\n"
        "  ollama: {}\n"
        "\n"
        "models:  # what callers name, and where it runs; prices and capabilities come from the catalogue "
        "unless stated\n"
        "  'it''s: odd':\n"
        "    deployments:\n"
        "      - {provider: lab, price: {input: 0.1, output: 3.0e-07}}\n"
        "\n"
        "# Taken for granted; see whether it is right:\n"
        "# - all is well\n"
        "\n"
        "# Not carried:\n"
        "# - model_list[0].rpm: no limits. To do: nothing\n"
    )


def test_a_comment_cannot_break_out_of_its_line() -> None:
    written = text(CONFIG, assumptions=("a\nevil: true\u2028more\x85",))

    assert "# - a?evil: true?more?" in written
    assert parse_yaml(written) == CONFIG


NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.isprintable() and name.strip() == name)
SCALARS = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | NAMES
DEPLOYMENTS = st.lists(
    st.dictionaries(NAMES, SCALARS | st.dictionaries(NAMES, SCALARS, max_size=2), max_size=3), max_size=3
)
ENTRIES = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3) | DEPLOYMENTS, max_size=3)


@given(
    st.dictionaries(
        st.sampled_from(["providers", "models", "routers"]), st.dictionaries(NAMES, ENTRIES, min_size=1, max_size=3)
    )
)
def test_the_text_without_its_comments_is_the_config(config: dict[str, dict[str, object]]) -> None:
    assert (yaml.safe_load(text(config)) or {}) == config
