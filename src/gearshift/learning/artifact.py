"""Own router artefacts on disk: a directory with `manifest.json` and `model.safetensors`, and nothing else.

Invariant: nothing is parsed before its hash was checked, nothing is served whose shapes, types and numbers were not.
An artefact appears whole or not at all. Never pickle. The format is that of `docs/reference/artifacts.md`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from safetensors import SafetensorError
from safetensors.numpy import load as parse_tensors
from safetensors.numpy import save as dump_tensors

from gearshift.errors import ArtifactError
from gearshift.learning.calibrated import CalibratedPredictor
from gearshift.learning.embedding import load_words
from gearshift.learning.features import FeatureSpec
from gearshift.learning.manifest import SCHEMA, Manifest
from gearshift.learning.parameters import SHARED, Parameters
from gearshift.learning.predictor import LearnedPredictor

MANIFEST: Final = "manifest.json"
TENSORS: Final = "model.safetensors"
MAX_MANIFEST_BYTES: Final = 4 * 2**20
MAX_TENSOR_BYTES: Final = 256 * 2**20
MAX_MODELS: Final = 4096
MAX_TASKS: Final = 1024
MAX_BUCKETS: Final = 2**18
MAX_READ: Final = 2**16
_PACKAGED: Final = Path(__file__).resolve().parents[1] / "artifacts"
_VERSION_CHARACTERS: Final = 12


class Artifact(Struct, frozen=True, kw_only=True, eq=False):
    """Hold a trained router: its manifest and its parameters."""

    manifest: Manifest
    parameters: Parameters

    def predictor(self) -> LearnedPredictor:
        """Make what serves."""
        version = _version(self._files()[MANIFEST])
        return CalibratedPredictor(self.parameters, version=version, calibrations=self.manifest.calibration or ())

    def save(self, folder: Path) -> Path:
        """Write to `folder`, replacing an artefact that is there; raise ArtifactError for anything else there."""
        if folder.exists() and not (folder / MANIFEST).is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise ArtifactError(f"{folder}: found something that is no artefact; expected a new folder, or an artefact")
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            fresh.chmod(0o755)
            for name, content in self._files().items():
                write_file(fresh / name, content)
            replace(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return folder

    def _files(self) -> dict[str, bytes]:
        learned = self.parameters
        tensors = dump_tensors({name: np.ascontiguousarray(getattr(learned, name)) for name in _TYPES})
        manifest = msgspec.structs.replace(self.manifest, files={TENSORS: hashlib.sha256(tensors).hexdigest()})
        return {TENSORS: tensors, MANIFEST: _encode(manifest)}


_TYPES: Final = {
    "weights": np.dtype(np.float16),
    "bias": np.dtype(np.float32),
    "mix": np.dtype(np.float16),
    "rarity": np.dtype(np.float16),
    "trust": np.dtype(np.float32),
    "seen": np.dtype(np.uint8),
    "ability": np.dtype(np.float32),
    "ability_std": np.dtype(np.float32),
    "offset": np.dtype(np.float32),
    "scale": np.dtype(np.float32),
    "overhead": np.dtype(np.float32),
}
"""The tensors and their types; the shapes are those of `Parameters`."""


def builtin_path() -> Path:
    """Give the folder of the artefact that ships with the package."""
    return _PACKAGED / "builtin"


def locate(stated: Path) -> Path:
    """Give the folder that a user means: the artefact that ships, where `builtin` is stated and no such folder is."""
    return builtin_path() if str(stated) == "builtin" and not stated.exists() else stated


def ships(folder: Path) -> bool:
    """Say whether a folder is inside the installed package: the next update would undo what is written there."""
    return folder.resolve().is_relative_to(_PACKAGED.resolve())


def own_path(stated: Path) -> Path:
    """Give the folder of an artefact that is to be written to; raise ArtifactError for those that ship."""
    folder = locate(stated)
    if ships(folder):
        raise ArtifactError(f"{stated}: found an artefact that ships with Gearshift; expected a folder of your own")
    return folder


def demo_path() -> Path:
    """Give the folder of the artefact for the demo providers."""
    return _PACKAGED / "demo"


def load(folder: Path) -> LearnedPredictor:
    """Read an artefact to serve it; raise ArtifactError, naming what was found, for anything that is not sound."""
    return read(folder).predictor()


def read(folder: Path) -> Artifact:
    """Read an artefact, checking everything: schema, names, sizes, hashes, shapes, types, finiteness, in that order."""
    manifest = _manifest(folder)
    names = {path.name for path in folder.iterdir()}
    if names != {MANIFEST, TENSORS} or set(manifest.files) != {TENSORS}:
        raise ArtifactError(
            f"{folder}: found the files {sorted(names)}, and hashes of {sorted(manifest.files)}; "
            f"expected {MANIFEST} and {TENSORS} only; train it again"
        )
    content = read_file(folder / TENSORS, MAX_TENSOR_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.files[TENSORS]:
        raise ArtifactError(
            f"{folder / TENSORS}: found SHA-256 {found[:16]}…, expected {manifest.files[TENSORS][:16]}… "
            "by the manifest; the file was changed or cut: copy or train it again"
        )
    return Artifact(manifest=manifest, parameters=_parameters(folder, manifest, content))


def _manifest(folder: Path) -> Manifest:
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: found no folder; expected an artefact, made by `gearshift train --out`")
    path = folder / MANIFEST
    content = read_file(path, MAX_MANIFEST_BYTES)
    try:
        schema = msgspec.json.decode(content, type=_Schema).schema
        if schema != SCHEMA:
            raise ArtifactError(f"{path}: found schema {schema}, expected {SCHEMA}; train it with this version")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise ArtifactError(f"{path}: found no valid manifest ({str(fault)[:200]}); train it again") from fault
    expected = FeatureSpec().version
    spec = manifest.features
    if spec.words != load_words().digest:
        raise ArtifactError(
            f"{path}: found word vectors {spec.words[:16]}…, expected {load_words().digest[:16]}…; "
            "train it with this version"
        )
    sane = spec.version == expected and 0 < spec.buckets <= MAX_BUCKETS and spec.buckets & (spec.buckets - 1) == 0
    read_some = all(0 < size <= MAX_READ for size in (spec.head, spec.tail))
    few = 0 < len(manifest.models) <= MAX_MODELS and 0 < len(manifest.tasks) <= MAX_TASKS
    if not (sane and read_some and few):
        raise ArtifactError(
            f"{path}: found features {spec}, {len(manifest.models)} models and {len(manifest.tasks)} tasks; expected "
            f"features of version {expected}, buckets a power of two up to {MAX_BUCKETS}, head and tail of 1 to "
            f"{MAX_READ} bytes, 1 to {MAX_MODELS} models and 1 to {MAX_TASKS} tasks; train it with this version"
        )
    names = {model.name for model in manifest.models}
    if len(names) != len(manifest.models) or not set(manifest.aliases.values()) <= names:
        raise ArtifactError(
            f"{path}: found a model twice, or an alias of none; expected distinct names; train it again"
        )
    return manifest


class _Schema(Struct):
    schema: int


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file of bounded size, without following a link."""
    refusal = f"{path}: found no regular file; expected one; train it again"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        raise ArtifactError(refusal) from fault
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ArtifactError(refusal)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise ArtifactError(f"{path}: found more than {limit} bytes; expected at most that; do not trust its source")
    return content


def _parameters(folder: Path, manifest: Manifest, content: bytes) -> Parameters:
    try:
        tensors = parse_tensors(content)
    except (SafetensorError, ValueError) as fault:
        raise ArtifactError(f"{folder / TENSORS}: found no safetensors ({str(fault)[:200]}); train it again") from fault
    if set(tensors) != set(_TYPES):
        raise ArtifactError(f"{folder / TENSORS}: found {sorted(tensors)}; expected {sorted(_TYPES)}; train it again")
    shapes = _shapes(manifest)
    for name, kind in _TYPES.items():
        tensor, shape = tensors[name], shapes[name]
        if tensor.shape != shape or tensor.dtype != kind:
            raise ArtifactError(
                f"{folder / TENSORS}: found {name} of {tensor.dtype} {tensor.shape}; "
                f"expected {kind} {shape}; train it again"
            )
        if not np.isfinite(tensor).all():
            raise ArtifactError(
                f"{folder / TENSORS}: found NaN or infinity in {name}; expected numbers; train it again"
            )
    return Parameters(
        features=manifest.features,
        models=tuple(model.name for model in manifest.models),
        aliases=manifest.aliases,
        prior=manifest.prior,
        spread=manifest.spread,
        **tensors,
    )


def _shapes(manifest: Manifest) -> dict[str, tuple[int, ...]]:
    """Give the shape that each tensor has by the manifest; see `Parameters`."""
    dims, models, tasks = manifest.features.dims, len(manifest.models), len(manifest.tasks)
    own = SHARED + 2 * models
    special: dict[str, tuple[int, ...]] = {
        "weights": (dims, own + 2 * tasks),
        "bias": (own + 2 * tasks,),
        "mix": (tasks, own),
        "rarity": (dims,),
        "trust": (tasks, 3),
        "seen": (tasks, models),
    }
    return {name: special.get(name, (models,)) for name in _TYPES}


def _encode(manifest: Manifest) -> bytes:
    """Write JSON that a person can read and a diff can show: sorted keys, one per line."""
    return json.dumps(msgspec.to_builtins(manifest), indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def _version(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:_VERSION_CHARACTERS]


def write_file(path: Path, content: bytes) -> None:
    """Write a file and see it on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(fresh: Path, folder: Path) -> None:
    """Move `fresh` to `folder`; an artefact that is there is moved aside first, and removed last."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / "artifact")
    try:
        fresh.rename(folder)
    except OSError:
        (old / "artifact").rename(folder)
        raise
    shutil.rmtree(old)
