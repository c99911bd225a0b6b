"""`realtime bench lifter` on small sizes: the table, and figures that belong together in the last line."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from realtime.bench.lifter import bench_lifter
from realtime.bench.lifter_cases import Case
from realtime.bench.lifter_tables import peak_gflops
from realtime.bench.step.frame_parts import PARTS, Stopwatch, _found, frame_parts
from realtime.bench.step.graph_parts import graph_parts
from realtime.bench.step.limit import Limit


def test_last_line_is_json_with_every_case_and_the_claims(capsys: pytest.CaptureFixture[str]) -> None:
    bench_lifter(frames="9", channels="16", batch="1,2", engines="onnxruntime,torch", threads="1", rounds=1, soak=20)
    lines = capsys.readouterr().out.splitlines()
    result = json.loads(lines[-1])
    cases = {(case["model"], case["engine"], case["batch"]): case for case in result["cases"]}
    assert len(cases) == len(result["cases"]) == 10  # two streaming models x two batches, one paper model; two engines
    assert {model for model, _, _ in cases} == {"stream-243", "stream-243-c16", "gla-gcn-9"}
    for case in cases.values():
        assert 0 < case["best_ms"] <= case["p50_ms"] <= case["p95_ms"]
        assert 0 < case["of_peak"] <= 1
    one = cases["stream-243", "onnxruntime", 1]
    assert one["multiply_adds"] == pytest.approx(4.12e6, rel=0.01)
    assert one["state_bytes"] <= 4e6
    with load_lifter() as lifter:
        assert one["state_bytes"] == lifter.state_bytes_per_stream
    assert cases["gla-gcn-9", "onnxruntime", 1]["state_bytes"] == (8 + 1) * 17 * 2 * 4
    ratio = cases["gla-gcn-9", "onnxruntime", 1]["p50_ms"] / one["p50_ms"]
    assert result["claims"]["times_cheaper_than_gla-gcn-9"] == pytest.approx(ratio, rel=0.01, abs=0.1)
    assert "stream-243-c16" in "".join(lines[:-1])
    assert result["peak_gflops"]["1"] >= max(result["limits"]["1"]["gflops"].values()) - 0.05  # told to 0.1
    assert {name.split(",")[0] for name in result["limits"]["1"]["gflops"]} == {"NumPy", "ONNX Runtime", "torch"}
    assert result["limits"]["1"]["copy_gb_s"] > 0


def test_a_case_that_beats_every_product_is_the_limit() -> None:
    case = Case("m", "stream-gla-gcn", 9, 4, "onnxruntime", 1, 2, 10**9, 0, load_lifter(), [], call_s=[2.0, 1.0, 3.0])
    slow = Limit({"NumPy, square": 1.0}, 1.0)
    assert peak_gflops(slow, [case], threads=1) == pytest.approx(4.0)
    assert case.gflops() / peak_gflops(slow, [case], threads=1) == pytest.approx(0.5)
    assert peak_gflops(slow, [case], threads=2) == 1.0  # of other threads it says nothing
    assert slow.with_more(Limit({"NumPy, square": 3.0}, 0.5)) == Limit({"NumPy, square": 3.0}, 1.0)


def test_a_frames_parts_are_what_the_frame_is_made_of() -> None:
    before = [_found(call) for calls in PARTS.values() for call in calls]
    functions = [getattr(owner, name) for owner, name in before]
    frame = frame_parts(frames=80)
    assert all(took_us > 0 for took_us in frame["parts_us"].values()), frame  # every part was called, under its name
    assert [getattr(owner, name) for owner, name in before] == functions  # nothing is watched any more


def test_a_part_within_another_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = iter([0, 1000, 4000, 9000])
    monkeypatch.setattr("realtime.bench.step.frame_parts.time.perf_counter_ns", lambda: next(now_ns))
    watch = Stopwatch()
    refit = watch.of("refit", lambda: None)
    watch.of("place", refit)()
    watch.next_frame()
    assert (watch.frames[0]["place"], watch.frames[0]["refit"]) == (6.0, 3.0)


def test_a_steps_time_is_its_calls_and_its_nodes() -> None:
    graph = graph_parts(blocks=2)
    assert graph["nodes"] == sum(graph["nodes_of"].values()) > 50
    assert graph["calls_us"] > 0
    left_us = max(graph["run_us"] - graph["calls_us"], 0.0)
    assert sum(graph["nodes_us"].values()) == pytest.approx(left_us, abs=0.5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"threads": "one"}, "whole numbers above 0"), ({"batch": "0"}, "whole numbers above 0"),
        ({"batch": "1,,2"}, "whole numbers above 0"), ({"channels": "-48"}, "whole numbers above 0"),
        ({"frames": "28"}, "no window of 28 frames: give powers of 3"), ({"frames": "1"}, "no window of 1 frames"),
        ({"engines": "warp"}, "engine 'warp' is unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_timed_is_refused(options: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        bench_lifter(**{"channels": "64", **options}, rounds=1, soak=0)
