from __future__ import annotations

from pathlib import Path

import pytest

from tools.prove_agents import AGENTS, PROOF, TASK, WORD, Agent, Place, Row, fixtures, page, verdict


def test_a_proof_is_a_file_with_its_text_and_the_last_word(tmp_path: Path) -> None:
    proof = tmp_path / "proof.txt"
    assert verdict(proof, WORD) == "it wrote no file"
    proof.write_text("something else", encoding="utf-8")
    assert verdict(proof, WORD) == "it wrote another text"
    proof.write_text(f"{PROOF}\n", encoding="utf-8")
    assert verdict(proof, "an error") == "it did not tell the answer's last word"
    assert verdict(proof, f"...\n{WORD}\n") == ""


def test_the_page_says_what_failed() -> None:
    told = page([Row(AGENTS[0], "2.1", ""), Row(AGENTS[1], "0.9", "it wrote no file")], "2026-11-27")
    assert "| proven with version 2.1 on 2026-11-27 |" in told
    assert "| **failed** with version 0.9 on 2026-11-27: it wrote no file |" in told


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.command)
def test_each_agent_is_pointed_at_the_gateway_and_meets_another_protocol(tmp_path: Path, agent: Agent) -> None:
    assert agent.protocol != agent.upstream
    (tmp_path / "home").mkdir()
    run = agent.run(Place("http://127.0.0.1:4000", "on-x", tmp_path / "home", tmp_path))
    settings = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    told = " ".join([*run.arguments, *run.variables.values(), *settings])
    assert "http://127.0.0.1:4000" in told
    assert TASK in run.arguments
    word, call, _ = fixtures(agent, tmp_path / "proof.txt")["fixtures"]
    assert word["response"] == {"content": WORD}
    assert str(tmp_path) in str(call["response"])
