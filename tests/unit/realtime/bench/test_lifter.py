"""`realtime bench lifter` on small sizes: the table, and figures that belong together in the last line."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from realtime.bench.lifter import bench_lifter


def test_last_line_is_json_with_every_case_and_the_claims(capsys: pytest.CaptureFixture[str]) -> None:
    bench_lifter(frames="9", channels="16", batch="1,2", engines="onnxruntime,torch", threads="1", rounds=1, soak=20)
    lines = capsys.readouterr().out.splitlines()
    result = json.loads(lines[-1])
    cases = {(case["model"], case["engine"], case["batch"]): case for case in result["cases"]}
    assert len(cases) == len(result["cases"]) == 10  # two streaming models x two batches, one paper model; two engines
    assert {model for model, _, _ in cases} == {"stream-243", "stream-243-c16", "gla-gcn-9"}
    for case in cases.values():
        assert 0 < case["best_ms"] <= case["p50_ms"] <= case["p95_ms"]
        assert case["of_peak"] > 0
    one = cases["stream-243", "onnxruntime", 1]
    assert one["multiply_adds"] == pytest.approx(4.12e6, rel=0.01)
    assert one["state_bytes"] <= 4e6
    with load_lifter() as lifter:
        assert one["state_bytes"] == lifter.state_bytes_per_stream
    assert cases["gla-gcn-9", "onnxruntime", 1]["state_bytes"] == (8 + 1) * 17 * 2 * 4
    ratio = cases["gla-gcn-9", "onnxruntime", 1]["p50_ms"] / one["p50_ms"]
    assert result["claims"]["times_cheaper_than_gla-gcn-9"] == pytest.approx(ratio, rel=0.01, abs=0.1)
    assert "stream-243-c16" in "".join(lines[:-1])


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
