"""Own how long a request is: an estimate to price it, a bound to keep it inside a context window.

Figures, dearer as they get sharper:
- `estimate`: bytes per token by kind of byte, fitted 2026-11 to the median of the four vocabularies in quicktok 0.4.0
  (o200k, cl100k, Qwen 3, Llama 3) over 5,927 prompts of public benchmarks: 98 in 100 come out between 0.75 and 1.15
  times that median, all between 0.5 and 1.35. Scripts other than Latin come out high, up to 5 times for Thai.
- `upper_bound`: one token per UTF-8 byte. Byte-level BPE (GPT, Llama 3, Qwen, DeepSeek, Mistral's tekken) and
  SentencePiece with byte fallback (Gemma, Llama 2) never spend a token on less than a byte, so for text this is a
  proof; what a chat template adds, and media, are allowances stated below with their source.
- the exact count by `quicktok` (the extra `tokens`) in OpenAI's o200k, asked for only when the bound does not fit.
  A model with another vocabulary takes more or fewer: `FOREIGN` is the factor that is allowed for, either way.

Invariant: `fits` says True only when it is sure within these figures, and never reads media or fetches a URL.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Final, assert_never
from weakref import ref

from msgspec import Raw, Struct

from gearshift.types.chat import Media, Part, Reasoning, Refusal, Request, Text, ToolCall, ToolResult
from gearshift.types.embedding import EmbeddingRequest, TokenIds

_WORDS: Final = (string.ascii_letters + " ").encode()
_DIGITS: Final = string.digits.encode()
_NOT_ASCII: Final = bytes(range(128, 256))

MESSAGE: Final = 4
"""Role and delimiters of one message (OpenAI cookbook, "How to count tokens with tiktoken": 3, and 1 with a name)."""
MESSAGE_BOUND: Final = 16
"""The longest that we know is Llama 3's header: two special tokens, the role, two newlines, `<|eot_id|>`."""
REQUEST: Final = 3
"""The primer of the answer (OpenAI cookbook, as above)."""
REQUEST_BOUND: Final = 256
"""Templates that write a system prompt of their own; gpt-oss' harmony system message is the longest that we know."""
TOOLS: Final = 12
"""What OpenAI's rendering adds around function definitions (OpenAI cookbook, as above)."""
TOOLS_BOUND: Final = 1024
"""Anthropic's system prompt for tools took 159 to 530 tokens with Claude 3 (docs.anthropic.com, tool use pricing) and
up to 935 since."""

IMAGE: Final = 765
"""A 1024 x 1024 image in high detail (OpenAI, images and vision guide)."""
IMAGE_BOUND: Final = 5_000
"""Most that one image takes: OpenAI's tiles 1,445, its patches 1,536 x 2.46, Claude 3.75 megapixels in patches of
28 x 28 (vision guides, 2026-11). The exception is gpt-4o-mini, which bills images at 33 times their tokens."""
SOUND_BYTES: Final = 64
SOUND_BYTES_BOUND: Final = 16
"""Bytes of sound per token: Gemini counts 32 tokens a second, OpenAI 10; speech codecs go down to 1 kB a second."""
FILE_BYTES: Final = 32
FILE_BYTES_BOUND: Final = 1
"""Bytes of a file per token: a page of PDF is 1,500 to 3,000 tokens (Anthropic, PDF support), seldom under 3 kB."""
REMOTE: Final = 2_000
REMOTE_BOUND: Final = 300_000
"""Sound and files by URL, whose size nobody knows here: 100 pages of PDF, Anthropic's limit for a request."""

SHORT_ANSWER: Final = 256
"""Tokens kept free for the answer when the caller does not say how long it may be."""

FOREIGN: Final = 1.5
"""Over the prompts above, o200k took between 0.82 and 1.16 times the tokens of the other vocabularies. In scripts other
than Latin it takes as little as a quarter (Hindi), so there the bound keeps counting bytes."""
ENCODING: Final = "o200k_base"


class Size(Struct, frozen=True, kw_only=True):
    """Hold what a request is made of: bytes of text by kind, and the tokens of everything that is not text."""

    words: int
    digits: int
    symbols: int
    other: int
    rest: int
    rest_bound: int

    @property
    def text(self) -> int:
        """Give the UTF-8 bytes of all text."""
        return self.words + self.digits + self.symbols + self.other

    @property
    def estimate(self) -> int:
        """Guess the tokens; see the head of this module for how well."""
        return round(self.words / 5 + self.digits + self.symbols / 2 + self.other / 3) + self.rest

    @property
    def least(self) -> int:
        """Guess the fewest tokens that prose in any language takes (o200k: Thai 14 bytes a token, English 5)."""
        return round(self.words / 8 + self.digits / 3 + self.symbols / 12 + self.other / 20)

    @property
    def upper_bound(self) -> int:
        """Give the most tokens that it can take."""
        return self.text + self.rest_bound


_last: Final[list[tuple[Callable[[], Request | None], Size]]] = [
    (lambda: None, Size(words=0, digits=0, symbols=0, other=0, rest=0, rest_bound=0))
]
"""The request that was measured last, while it lives, and its size: a decision asks for it more than once."""


def estimate(request: Request) -> int:
    """Guess how many input tokens the request takes, for pricing."""
    return measure(request).estimate


def estimate_text(text: str) -> int:
    """Guess how many tokens a text takes."""
    return _size_of(text).estimate


def estimate_inputs(request: EmbeddingRequest) -> int | None:
    """Guess how many tokens are embedded in all; None where an input is neither text nor token ids."""
    total = 0
    for each in request.inputs:
        if isinstance(each, Raw):
            return None
        total += each.count if isinstance(each, TokenIds) else _size_of(each).estimate
    return total


def most_inputs(request: EmbeddingRequest) -> int | None:
    """Give a number of tokens that the inputs do not exceed; None where one is neither text nor token ids."""
    total = 0
    for each in request.inputs:
        if isinstance(each, Raw):
            return None
        total += each.count if isinstance(each, TokenIds) else _size_of(each).upper_bound + MESSAGE_BOUND
    return total


def longest_input(request: EmbeddingRequest, window: int) -> int | None:
    """Give the length of the first input that surely does not fit a window of `window` tokens, None when there is none.

    Of a text it is the fewest tokens that it can be.
    """
    for each in request.inputs:
        if isinstance(each, TokenIds):
            least = each.count
        elif isinstance(each, str) and len(each) > window:  # no token is less than a byte
            least = _size_of(each).least
        else:
            continue
        if least > window:
            return least
    return None


def count(request: Request) -> int:
    """Count input tokens as well as can be told here: by OpenAI's vocabulary where it is at hand, else by guessing."""
    counter = find_counter()
    return estimate(request) if counter is None else _exact(request, counter) + measure(request).rest


def upper_bound(request: Request) -> int:
    """Give a number of input tokens that no tokenizer of the named kinds exceeds; about 4 times the truth."""
    return measure(request).upper_bound


def fits(request: Request, window: int, reserve_output: int) -> bool | None:
    """Say whether the request and `reserve_output` tokens of answer fit a context window of `window` tokens.

    True: surely. False: surely not, for text that is prose or code. None: too close to tell, the upstream will say.
    """
    room = window - reserve_output
    size = measure(request)
    if size.upper_bound <= room:
        return True
    if size.least > room:
        return False
    counter = find_counter()
    if counter is None:
        return None
    count = _exact(request, counter)
    if count * FOREIGN + size.other + size.rest_bound <= room:
        return True
    return False if count > room * FOREIGN else None


def reserve(request: Request) -> int:
    """Give how many tokens of a window are kept free for the answer."""
    asked = request.sampling.max_output_tokens
    return SHORT_ANSWER if asked is None else asked


def measure(request: Request) -> Size:
    """Walk the request once, however often it is asked for in a row; about 1 µs per kB of text."""
    measured, size = _last[0]
    if measured() is not request:
        size = _walk(request)
        _last[0] = (ref(request), size)
    return size


def _walk(request: Request) -> Size:
    words = digits = symbols = other = 0
    rest = len(request.messages) * MESSAGE + bool(request.tools) * TOOLS + REQUEST
    rest_bound = len(request.messages) * MESSAGE_BOUND + bool(request.tools) * TOOLS_BOUND + REQUEST_BOUND
    for piece in _pieces(request):
        if isinstance(piece, Media):
            tokens, bound = _media(piece)
            rest += tokens
            rest_bound += bound
            continue
        if not piece:
            continue
        kinds = _kinds(piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else bytes(piece))
        words += kinds[0]
        digits += kinds[1]
        symbols += kinds[2]
        other += kinds[3]
    return Size(words=words, digits=digits, symbols=symbols, other=other, rest=rest, rest_bound=rest_bound)


def _size_of(text: str) -> Size:
    """Measure a text that stands by itself."""
    words, digits, symbols, other = _kinds(text.encode("utf-8", "surrogatepass"))
    return Size(words=words, digits=digits, symbols=symbols, other=other, rest=0, rest_bound=0)


def _kinds(data: bytes) -> tuple[int, int, int, int]:
    """Count the bytes of a text by kind: words, digits, symbols, other."""
    ascii_only = data.translate(None, _NOT_ASCII)
    unlettered = ascii_only.translate(None, _WORDS)
    undigited = unlettered.translate(None, _DIGITS)
    words, digits = len(ascii_only) - len(unlettered), len(unlettered) - len(undigited)
    return words, digits, len(undigited), len(data) - len(ascii_only)


def _pieces(request: Request) -> Iterator[str | Raw | Media]:
    """Give all that a model reads, field by field; unknown fields too, for one of them may be a prompt."""
    for message in request.messages:
        yield message.name or ""
        yield from message.extra.values()
        for part in message.parts:
            yield from _of_part(part)
    for tool in request.tools:
        yield tool.name
        yield tool.description or ""
        yield tool.parameters or ""
    if request.response_format is not None:
        yield request.response_format.schema or ""
    yield from request.extra.values()


def _of_part(part: Part) -> Iterator[str | Media]:
    match part:
        case Text() | Reasoning() | Refusal():
            yield part.text
        case ToolCall():
            yield part.name
            yield part.arguments
        case ToolResult():
            for inner in part.parts:
                yield from _of_part(inner)
        case Media():
            yield part
        case _:
            assert_never(part)


def _media(media: Media) -> tuple[int, int]:
    """Give the expected and the greatest number of tokens of an image, a sound or a file."""
    if media.kind == "image":
        return IMAGE, IMAGE_BOUND
    if media.data is None:
        return REMOTE, REMOTE_BOUND
    size = len(media.data) * 3 // 4  # base64
    if media.kind == "audio":
        return size // SOUND_BYTES, size // SOUND_BYTES_BOUND
    return size // FILE_BYTES, size // FILE_BYTES_BOUND


@cache
def find_counter() -> Callable[[str], int] | None:
    """Load quicktok, once: half a second and 64 MB, which is why it is an extra; None when it is not installed."""
    try:
        quicktok = import_module("quicktok")
    except ImportError:
        return None
    count: Callable[[str], int] = quicktok.get_encoding(ENCODING).count
    return count


def _exact(request: Request, counter: Callable[[str], int]) -> int:
    """Count the text of a request; lone surrogates count as their replacement."""
    pieces = (piece for piece in _pieces(request) if not isinstance(piece, Media))
    texts = (piece if isinstance(piece, str) else bytes(piece).decode("utf-8", "replace") for piece in pieces)
    return sum(counter(text.encode("utf-8", "replace").decode()) for text in texts)
