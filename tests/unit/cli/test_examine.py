from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.cli.examine import read
from gearshift.errors import ConfigError


def test_a_file_that_is_no_config_has_that_fault_only(tmp_path: Path) -> None:
    path = tmp_path / "gearshift.yaml"
    path.write_bytes(b"[1, 2")
    with pytest.raises(ConfigError) as caught:
        read(path, {})
    assert len(caught.value.faults) == 1


def test_a_config_with_faults_is_looked_through_for_what_it_mentions(tmp_path: Path) -> None:
    path = tmp_path / "gearshift.yaml"
    path.write_text("surplus: 1\nserver: {keys: ['env:NO_SUCH_CALLER']}\nrouters: {auto: {predictor: nowhere}}\n")
    with pytest.raises(ConfigError) as caught:
        read(path, {})
    places = {fault.partition(":")[0] for fault in caught.value.faults}
    assert {"surplus", "server.keys[0]", "routers.auto.predictor"} <= places
