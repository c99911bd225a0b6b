"""mypy strict over the code that calls TensorRT and CUDA, against stubs made from the packages that are installed.

NVIDIA ships no stubs: mypy's own stubgen reads the names and signatures out of the compiled modules.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engines.backends.tensorrt import open_plan
from engines.errors import UserError
from engines.machine.cuda import Cuda, CudaError
from engines.machine.this_machine import Machine
from realtime.model.build_plan import BuildFlags, run

pytest.importorskip("tensorrt_rtx", reason="needs: pip install 'realtime-pose[tensorrt]'")
pytest.importorskip("mypy")

ROOT = Path(__file__).resolve().parents[4]
FILES = [
    "engines/plans/build_tensorrt.py", "engines/plans/tensorrt_log.py", "engines/backends/plan_runner.py",
    "engines/machine/cuda.py", "engines/backends/tensorrt.py", "engines/backends/device_taps.py",
]  # fmt: skip
CONFIG = """
[mypy]
strict = true
disallow_untyped_calls = false
follow_imports = silent
[mypy-onnxruntime.*,onnx.*,safetensors.*,torch.*,cuda.*]
ignore_missing_imports = true
follow_imports = skip
[mypy-tensorrt_rtx.*]
ignore_errors = true
"""


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stubs")
    module = "tensorrt_rtx_bindings.tensorrt_rtx"
    command = [sys.executable, "-c", "from mypy.stubgen import main; main()", "--inspect-mode", "-q", "-m", module,
               "-o", str(folder)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    text = (folder / "tensorrt_rtx_bindings" / "tensorrt_rtx.pyi").read_text()
    # stubgen writes a parameter without a default after one with: not Python
    fixed = "\n".join(_defaults(line) if "= ..., " in line else line for line in text.splitlines())
    # and it does not see the buffer protocol
    buffer = "class IHostMemory:\n    def __buffer__(self, flags: int, /) -> memoryview: ..."
    fixed = fixed.replace("class IHostMemory:", buffer)
    (folder / "tensorrt_rtx.pyi").write_text(fixed + "\n__version__: str\n")
    (folder / "mypy.ini").write_text(CONFIG)
    return folder


def _defaults(line: str) -> str:
    head, _, tail = line.partition("= ...")
    return head + "= ..." + re.sub(r"(, \w+: [^,()=]+?)(?=, |\))(?! = )", r"\1 = ...", tail)


def _mypy(stubs: Path, *files: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--config-file", str(stubs / "mypy.ini"), "--cache-dir",
               str(stubs / "cache"), *files]  # fmt: skip
    environment = {"MYPYPATH": str(stubs), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=ROOT, env=environment)


def test_the_code_fits_the_installed_packages(stubs: Path) -> None:
    result = _mypy(stubs, *FILES)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_call_that_does_not_exist_is_noticed(stubs: Path) -> None:
    wrong = stubs / "wrong.py"
    wrong.write_text(
        "import tensorrt_rtx as trt\n\ndef run(context: trt.IExecutionContext) -> bool:\n"
        "    context.set_binding_shape(0, (1,))\n    return context.execute_async_v3('stream')\n"
    )
    result = _mypy(stubs, str(wrong))
    assert "has no attribute \"set_binding_shape\"" in result.stdout
    assert "incompatible type \"str\"" in result.stdout


@pytest.fixture
def no_driver() -> Any:
    """The real runtime, where it can do no harm."""
    runtime = pytest.importorskip("cuda.bindings.runtime")
    if runtime.cudaDriverGetVersion()[1] != 0:
        pytest.skip("there is a driver: tests/gpu makes these calls for real")
    return runtime


def test_the_real_runtime_takes_the_arguments_that_are_passed(no_driver: Any) -> None:
    """Without a driver each call answers an error code; an argument of the wrong kind would raise TypeError."""
    stream, kind = 0, no_driver.cudaMemcpyKind
    graph, ready = no_driver.cudaGraph_t(0), no_driver.cudaGraphExec_t(0)
    mode = no_driver.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
    calls: dict[str, tuple[Any, ...]] = {
        "cudaMalloc": (64,), "cudaFree": (4096,), "cudaHostAlloc": (64, no_driver.cudaHostAllocDefault),
        "cudaFreeHost": (4096,), "cudaMemsetAsync": (4096, 0, 64, stream),
        "cudaMemcpyAsync": (4096, 8192, 64, kind.cudaMemcpyHostToDevice, stream),
        "cudaMemcpy2DAsync": (4096, 64, 8192, 64, 32, 2, kind.cudaMemcpyDeviceToDevice, stream),
        "cudaStreamCreateWithFlags": (no_driver.cudaStreamNonBlocking,), "cudaStreamSynchronize": (stream,),
        "cudaStreamBeginCapture": (stream, mode), "cudaStreamEndCapture": (stream,),
        "cudaGraphInstantiate": (graph, 0), "cudaGraphLaunch": (ready, stream), "cudaGraphDestroy": (graph,),
        "cudaGraphExecDestroy": (ready,), "cudaStreamDestroy": (stream,), "cudaGetDeviceProperties": (0,),
    }  # fmt: skip
    cuda = Cuda(no_driver)
    for name, arguments in calls.items():
        with pytest.raises(CudaError, match=f"{name}: CUDA driver version is insufficient"):
            cuda.call(name, *arguments)
    with pytest.raises(CudaError, match="no NVIDIA driver is installed"):
        cuda.describe()


def test_a_real_plan_without_a_driver_is_refused_in_one_sentence(no_driver: Any, model: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.plan"
    card = run(BuildFlags(model=str(model[1]), out=path, target="sm86"))
    assert card is not None
    machine = Machine("sm86", "RTX A2000", runtimes={"rtx": card.runtime_version})
    with pytest.raises(UserError, match="does not run on RTX A2000: cudaStreamCreateWithFlags: CUDA driver") as refused:
        open_plan(path, model[0], "step", machine)
    assert "\n" not in str(refused.value)
