"""Own the one answer that every healthy attempt gives, its pieces, and what they count as tokens.

Sixty words, so that an answer that was cut, doubled or patched is never mistaken for the whole one.
The wall counts as OpenAI's o200k does, near enough: a word with the blank before it is a token, so is a mark.
"""

from __future__ import annotations

import re
from typing import Final

TEXT: Final = (
    "Every provider fails on some afternoon, and the router in front of it is judged by that afternoon alone. "
    "It waits when it was told to wait, turns away from a line that went silent, keeps count of what each attempt "
    "has cost, and would rather say that an answer broke off than pass half of one on as whole."
)
PIECES: Final = tuple(re.findall(r" ?\w+|[^\w\s]", TEXT))
"""The answer as a stream tells it: a token a delta."""
PROMPT: Final = "Say in exactly sixty words by what a router is judged when the providers behind it misbehave."
PROMPT_TOKENS: Final = 27
"""20 of the text in o200k and what a template puts around one message: 4 and 3 (OpenAI cookbook)."""
OUTPUT_TOKENS: Final = len(PIECES)
WORDS: Final = len(TEXT.split())
