"""mypy strict over the code that calls TensorRT and CUDA, against stubs made from the packages that are installed.

NVIDIA ships no stubs: mypy's own stubgen reads the names and signatures out of the compiled modules.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorrt_rtx", reason="needs: pip install 'realtime-pose[tensorrt]'")
pytest.importorskip("mypy")

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    "engines/build_tensorrt.py", "engines/tensorrt_log.py", "engines/backends/plan_runner.py",
    "engines/backends/cuda_memory.py", "engines/backends/tensorrt.py", "engines/backends/device_taps.py",
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
