from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config.mentions import predictors, secrets

ANYTHING = st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))


def test_secrets_and_artefacts_are_found_by_their_place() -> None:
    document = {
        "server": {"keys": ["env:ONE", 3, "file:/two"], "admin_key": "env:ADMIN"},
        "providers": {
            "lab": {"key": "env:LAB"},
            "free": {},
            "odd": 7,
            "literal": {"key": "sk-1"},
            "cloud": {"auth": {"kind": "entra", "client_secret": "env:APP"}},
            "short": {"auth": "entra"},
        },
        "routers": {"auto": {"predictor": "mine"}, "other": {"predictor": 3}, "bare": None},
    }
    assert secrets(document) == {
        "server.keys[0]": "env:ONE",
        "server.keys[2]": "file:/two",
        "server.admin_key": "env:ADMIN",
        "providers.lab.key": "env:LAB",
        "providers.cloud.auth.client_secret": "env:APP",
    }
    assert predictors(document) == {"routers.auto.predictor": "mine"}


@pytest.mark.parametrize("find", [secrets, predictors])
@given(st.dictionaries(st.sampled_from(["server", "providers", "routers"]), ANYTHING))
def test_no_document_is_too_odd(find: object, document: dict[str, object]) -> None:
    assert callable(find)
    assert isinstance(find(document), dict)
