from __future__ import annotations

import inspect
import re

from gearshift import errors
from gearshift.errors import GearshiftError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GearshiftError)]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    tree = errors.__doc__ or ""
    for kind in KINDS:
        line = re.search(rf"─ {kind.__name__} +(\d{{3}})?", tree)
        assert line or kind is GearshiftError, f"{kind.__name__} is not in the tree"
        if line and line[1]:
            assert int(line[1]) == kind.status, kind.__name__


def test_codes_tell_kinds_apart() -> None:
    borrowed = {errors.NoRoom}  # it says what the limit says that it is made of
    leaves = [kind for kind in KINDS if not kind.__subclasses__() and "code" in vars(kind) and kind not in borrowed]
    assert len({kind.code for kind in leaves}) == len(leaves)
