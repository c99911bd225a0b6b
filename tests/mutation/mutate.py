"""Changes a module in one place at a time and asks its tests whether they notice; what they do not is printed.

    python tests/mutation/mutate.py ring resample wire taps root place gate --limit 40 --seed 1

Works in a copy of the repository. Each change: an operator, a comparison or a number is another one, a condition is
turned round, a statement is left out. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNIT = "tests/unit/realtime"
# Name -> the module, and the tests that are to notice.
MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "ring": ("realtime/ring/ring.py", (f"{UNIT}/ring",)),
    "resample": ("realtime/pipeline/resample.py", (f"{UNIT}/pipeline/test_resample.py",)),
    "decode": ("realtime/wire/decode.py", (f"{UNIT}/wire",)),
    "encode": ("realtime/wire/encode.py", (f"{UNIT}/wire",)),
    "framing": ("realtime/wire/framing.py", (f"{UNIT}/wire",)),
    "taps": ("engines/lifting/taps.py", ("tests/unit/engines/lifting", "tests/parity/test_stream_forms.py")),
    "root": ("calibration/person/root.py", ("tests/unit/calibration/person/test_root.py",)),
    "root_filter": ("calibration/person/root_filter.py", ("tests/unit/calibration/person/test_root.py",)),
    "place": (
        "realtime/pipeline/place.py",
        (f"{UNIT}/pipeline/test_place.py", f"{UNIT}/pipeline/test_lift_batch.py", f"{UNIT}/pipeline/test_feet.py"),
    ),
    "gate": (
        "realtime/server/gate.py",
        (f"{UNIT}/server/test_gate.py", "tests/integration/server/test_stream_security.py"),
    ),
}
COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
            ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
           ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr,
           ast.BitOr: ast.BitAnd}  # fmt: skip
TIMEOUT_S = 300
MOST_BYTES = 12 << 30  # of address space: a change may well make a loop that fills the memory


@dataclass(frozen=True)
class Mutant:
    line: int
    what: str
    source: str


def mutants(text: str) -> Iterator[Mutant]:
    """Every change of one module, each as the whole module."""
    count = len(list(ast.walk(ast.parse(text))))
    for index in range(count):
        for choice in range(2):
            tree = ast.parse(text)
            node = list(ast.walk(tree))[index]
            before = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
            if not _changed(tree, node, choice):
                continue
            after = ast.unparse(node) if isinstance(node, ast.expr) else "left out"
            yield Mutant(getattr(node, "lineno", 0), f"{before[:70]} -> {after[:70]}", ast.unparse(tree))


def _changed(tree: ast.AST, node: ast.AST, choice: int) -> bool:
    """Changes the node in place; False where there is nothing to change."""
    if choice == 1:
        return _left_out(tree, node)
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARED[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in COUNTED:
        node.op = COUNTED[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    else:
        return False
    return True


def _left_out(tree: ast.AST, node: ast.AST) -> bool:
    plain = isinstance(node, ast.Assign | ast.AugAssign | ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    if not plain:
        return False
    for parent in ast.walk(tree):
        for body in (getattr(parent, "body", None), getattr(parent, "orelse", None)):
            if isinstance(body, list) and node in body and not isinstance(parent, ast.Module):
                body[body.index(node)] = ast.copy_location(ast.Pass(), node)
                return True
    return False


def copied(folder: Path) -> Path:
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                           check=True).stdout.splitlines()  # fmt: skip
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def noticed(folder: Path, tests: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=TIMEOUT_S, check=False,
                              preexec_fn=_bounded)  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(MODULES), choices=[*MODULES, []])
    parser.add_argument("--limit", type=int, default=40, help="changes of a module, chosen at random")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    totals: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(Path(temporary))
        for name in options.modules:
            path, tests = MODULES[name]
            text = (ROOT / path).read_text()
            if noticed(folder, tests):
                sys.exit(f"the tests of {path} fail without any change: mend them first")
            every = list(mutants(text))
            chosen = random.Random(options.seed).sample(every, min(options.limit, len(every)))
            killed = 0
            for mutant in chosen:
                (folder / path).write_text(mutant.source)
                if noticed(folder, tests):
                    killed += 1
                else:
                    sys.stdout.write(f"{path}:{mutant.line}: {mutant.what}\n")
                    sys.stdout.flush()
            (folder / path).write_text(text)
            totals[name] = {"of": len(every), "tried": len(chosen), "killed": killed}
            sys.stderr.write(f"{name}: {totals[name]}\n")
    sys.stdout.write(json.dumps(totals) + "\n")


if __name__ == "__main__":
    main()
