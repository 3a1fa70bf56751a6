"""Check that files, functions and parameter lists in `src/gearshift` stay small, and that nothing unpickles or evals.

Limits: 300 lines a file, 40 lines a function (its docstring is free), 5 parameters. Keyword-only parameters of a
constructor are free, and so are those of a command, whose options they are.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

SOURCE: Final = Path("src/gearshift")
COMMANDS: Final = SOURCE / "cli"
MAX_FILE_LINES: Final = 300
MAX_FUNCTION_LINES: Final = 40
MAX_PARAMETERS: Final = 5

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def faults(root: Path) -> list[str]:
    """Return one line for each broken limit and each use of pickle or eval, as `path:line: found, expected`."""
    found: list[str] = []
    for path in sorted((root / SOURCE).rglob("*.py")):
        name = path.relative_to(root)
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MAX_FILE_LINES:
            found.append(f"{name}:1: {lines} lines in a file, at most {MAX_FILE_LINES}; split it by noun")
        for node in ast.walk(ast.parse(text)):
            found.extend(f"{name}:{fault}" for fault in _faults_of(node, is_command=name.is_relative_to(COMMANDS)))
    return found


def _faults_of(node: ast.AST, *, is_command: bool) -> Iterator[str]:
    match node:
        case ast.FunctionDef(lineno=line, name=name) | ast.AsyncFunctionDef(lineno=line, name=name):
            if (lines := _lines(node)) > MAX_FUNCTION_LINES:
                yield f"{line}: {lines} lines in {name}, at most {MAX_FUNCTION_LINES}; name its parts"
            if not is_command and (parameters := _parameters(node)) > MAX_PARAMETERS:
                yield f"{line}: {parameters} parameters of {name}, at most {MAX_PARAMETERS}; make a noun of them"
        case ast.Import(lineno=line, names=names) if any(alias.name == "pickle" for alias in names):
            yield f"{line}: imports pickle, whose loading runs code; use safetensors and JSON"
        case ast.ImportFrom(lineno=line, module="pickle"):
            yield f"{line}: imports pickle, whose loading runs code; use safetensors and JSON"
        case ast.Call(lineno=line, func=ast.Name(id="eval" | "exec" as name)):
            yield f"{line}: calls {name}; parse what is expected"
        case _:
            pass


def _lines(function: Function) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    match function.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)
        case _:
            return lines


def _parameters(function: Function) -> int:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    is_method = bool(positional) and positional[0].arg in {"self", "cls"}
    keyword_only = 0 if function.name == "__init__" else len(arguments.kwonlyargs)
    return len(positional) - is_method + keyword_only


def main(root: Path) -> int:
    """Print the faults of the repository at `root` and return the exit code: 0 none, 1 some."""
    found = faults(root)
    print("\n".join(found) if found else "check_sizes: every file, function and parameter list is within its limit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
