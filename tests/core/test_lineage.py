"""Lineage: ten items, none of which is present without evidence."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.configfile import parse
from core.errors import UsageError
from core.evidence import DatasetInput, Evidence, Key, Metric, RunRecord, Unasked, parse_key
from core.lineage import Item, commit_of, judge
from core.lineage_keys import TITLES, keys_of
from core.versions import Version

SHA = "0453470c64235cf1de66bb45c880ec2e452551cf"
MLMODEL = Key("model", "MLmodel")
RUN = RunRecord(
    run_id="r1",
    state="there",
    status="FINISHED",
    tags={"commit": SHA, "feature_version": "v3", "hardware": "H100"},
    params={"seed": "7", "C": "1.0"},
    datasets=(DatasetInput("train", "353327eb", "training"), DatasetInput("eu", "1", "eval")),
    metrics=(Metric("auc", 0.9, "eu", "1"), Metric("auc", 0.8, "us", "2")),
    model_id="m-1",
)
WHOLE = Evidence(
    Version("fraud", "3", run_id="r1", tags={"owner": "risk", "approval": "approved"}),
    RUN,
    files={MLMODEL: True},
    commit_known=True,
)
OF_RUN = ("commit", "dataset", "feature_version", "hyperparameters", "seeds", "hardware", "metrics")


def judged(evidence: Evidence, name: str, **keys: list[str]) -> Item:
    return judge(evidence, keys_of(keys)).find(name)


def with_run(**changed: Any) -> Evidence:
    return replace(WHOLE, run=replace(RUN, **changed))


def test_a_run_that_logged_everything_is_complete() -> None:
    found = judge(WHOLE, keys_of())
    assert found.complete
    assert [item.name for item in found.items] == list(TITLES)
    assert len(TITLES) == 10
    values = {item.name: (item.value, item.source) for item in found.items}
    assert values["commit"] == (SHA, "run tag commit")
    assert values["dataset"] == ("train 353327eb", "data set input training")
    assert values["hyperparameters"] == ("C=1.0", "run param")
    assert values["metrics"] == ("auc 0.9 on eu (1); auc 0.8 on us (2)", "logged model m-1")
    assert values["owner"] == ("risk", "model version tag owner")


def test_without_any_evidence_nothing_is_present() -> None:
    for run in (RunRecord(), RunRecord("r1", "gone"), RunRecord("r1", "there")):
        found = judge(Evidence(Version("fraud", "3"), run), keys_of())
        assert not found.of("present")
        # Nobody asked for the file.
        assert [item.name for item in found.of("unreachable")] == ["artifacts"]


def test_a_version_without_a_run_a_run_that_is_gone_and_one_that_is_not_answered_differ() -> None:
    for run, verdict in (
        (RunRecord(), "missing"),
        (RunRecord("r1", "gone"), "broken"),
        (Unasked("no answer"), "unreachable"),
    ):
        found = judge(replace(WHOLE, run=run, commit_known=None), keys_of())
        assert {found.find(name).verdict for name in OF_RUN} == {verdict}
        assert found.find("owner").verdict == "present"


def test_what_lies_in_the_bin_is_broken() -> None:
    found = judge(with_run(state="deleted"), keys_of())
    assert {found.find(name).verdict for name in OF_RUN} == {"broken"}
    assert found.find("commit").value == SHA
    assert found.find("owner").verdict == "present"


@pytest.mark.parametrize(
    ("known", "verdict"),
    [(True, "present"), (None, "present"), (False, "broken"), (Unasked("no git"), "unreachable")],
)
def test_a_commit_is_judged_by_the_clone(known: Any, verdict: str) -> None:
    item = judged(replace(WHOLE, commit_known=known), "commit")
    assert (item.verdict, item.value) == (verdict, SHA)
    assert ("not checked" in item.because) is (known is None)


@pytest.mark.parametrize("text", ["main", "HEAD", "--help", "abc", SHA + "^{tree}", "$(id)", "a b"])
def test_what_is_no_sha_is_broken_and_never_asked_for(text: str) -> None:
    evidence = with_run(tags={"commit": text})
    assert judged(evidence, "commit").verdict == "broken"
    assert commit_of(evidence, keys_of()) is None


def test_a_metric_that_is_not_a_number_is_broken_unless_the_config_narrows_it_out() -> None:
    evidence = with_run(metrics=(Metric("auc", 0.9), Metric("f1", math.nan)))
    item = judged(evidence, "metrics")
    assert (item.verdict, item.because) == ("broken", "not a number: f1")
    assert item.parts[1].value is None
    assert judged(evidence, "metrics", metrics=["metrics.auc"]).verdict == "present"
    assert judged(evidence, "metrics", metrics=["metrics.auc", "metrics.x"]).verdict == "missing"


def test_metrics_that_nobody_could_be_asked_for_are_unreachable() -> None:
    item = judged(with_run(metrics=(), metrics_unasked="403"), "metrics")
    assert (item.verdict, item.because) == ("unreachable", "403")


def test_a_data_set_of_another_context_or_without_a_digest_is_no_snapshot() -> None:
    evaluated = (DatasetInput("eu", "1", "eval"),)
    assert judged(with_run(datasets=evaluated), "dataset").verdict == "missing"
    assert judged(with_run(datasets=evaluated), "dataset", dataset=["inputs.eval"]).value == "eu 1"
    bare = (DatasetInput("train", "", "training"),)
    assert judged(with_run(datasets=bare), "dataset").verdict == "missing"


def test_a_data_set_that_was_only_measured_on_was_not_trained_on() -> None:
    both = (DatasetInput("eu", "1"), DatasetInput("train", "2"))
    assert judged(with_run(datasets=both[:1]), "dataset").verdict == "missing"
    assert judged(with_run(datasets=both), "dataset").value == "train 2"


def test_a_seed_is_no_hyperparameter() -> None:
    assert judged(with_run(params={"seed": "7"}), "hyperparameters").verdict == "missing"


def test_every_file_must_be_there() -> None:
    def files(*seen: bool | Unasked) -> Item:
        keys = [f"artifacts.{number}" for number in range(len(seen))]
        found = {parse_key(key): one for key, one in zip(keys, seen, strict=True)}
        return judged(replace(WHOLE, files=found), "artifacts", artifacts=keys)

    assert files(True, True).verdict == "present"
    assert files(True, False).verdict == "broken"
    assert files(True, Unasked("500")).verdict == "unreachable"
    assert files(False, Unasked("500")).verdict == "broken"
    assert files(True, False).value == "artifacts.0"


def test_files_of_a_logged_model_that_is_gone_are_broken() -> None:
    assert judged(with_run(model_gone=True), "artifacts").verdict == "broken"


def test_keys_of_the_service_go_before_the_global_ones() -> None:
    evidence = with_run(params={"rng": "1", "s": "2"})
    everywhere, here = {"seeds": ["params.s"], "owner": None}, {"seeds": ["params.rng"]}
    assert judge(evidence, keys_of(everywhere)).find("seeds").value == "2"
    assert judge(evidence, keys_of(everywhere, here)).find("seeds").value == "1"


def test_what_a_stores_own_clients_note_goes_before_the_conventions() -> None:
    own = {"commit": ("tags.store.commit",)}
    both = with_run(tags={"store.commit": SHA, "commit": "c" * 40})
    assert judge(both, keys_of(own=own)).find("commit").source == "run tag store.commit"
    assert judge(WHOLE, keys_of(own=own)).find("commit").source == "run tag commit"
    configured = keys_of({"commit": ["tags.commit"]}, own=own)
    assert judge(both, configured).find("commit").value == "c" * 40


@given(st.sampled_from(["", " ", "\t\n", "\u3000"]))
def test_blanks_are_no_value(blank: str) -> None:
    assert judged(with_run(tags={"feature_version": blank}), "feature_version").verdict == "missing"


@given(
    st.text() | st.sampled_from(["tags.", "params.", "metrics"]) | st.text().map("tags.".__add__)
)
def test_a_key_is_understood_as_written_or_refused(text: str) -> None:
    try:
        key = parse_key(text)
    except ValueError:
        return
    assert str(key) == text.strip()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('seeds = ["param.seed"]', "'params'"),
        ('seeds = ["params."]', "names nothing"),
        ("owner = []", "at least one key"),
        ('commit = ["metrics.auc"]', "looked for in"),
        ('card = ["params.card"]', "looked for in"),
        ('seed = ["params.seed"]', "'seeds'"),
    ],
)
@pytest.mark.parametrize("table", ["lineage", "services.fraud.lineage"])
def test_a_wrong_key_in_the_config_is_said_with_its_place(
    table: str, lines: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        parse(f"[{table}]\n{lines}\n", "x.toml")
    assert raised.value.message.startswith(f"x.toml:2: {table}.")
