"""Own the words by which upstreams name what is wrong: codes, types and statuses first, phrases where there are none.

All in lower case. A phrase that speaks of our account, of a model or of the upstream's load counts against one that
serves many callers, and an error may repeat what a caller wrote: such a phrase is believed at the start of the message
only. One that speaks of the request harms nobody but who wrote it, and may stand anywhere.
Sources: the error pages of OpenAI, Anthropic, the Gemini API, Bedrock, Azure OpenAI, OpenRouter, Groq, Mistral and
DeepSeek (2026-11); the bodies in `tests/unit/protocols/refusals.json`, each with its address.
"""

from __future__ import annotations

from typing import Final

from gearshift.errors import Kind

PRECEDENCE: Final[tuple[Kind, ...]] = (
    "quota",
    "content_filter",
    "context_overflow",
    "auth",
    "not_found",
    "slow_down",
    "overloaded",
    "rate_limited",
)
"""What counts where an error has several words: what is more special comes first."""

_SPOKEN: Final[dict[Kind, str]] = {
    "quota": """
        insufficient_quota credit_balance_exhausted billing_hard_limit_reached billing_not_active
        organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded
        enforced_spend_limit_reached billing_error billing_disabled servicequotaexceededexception
        openrouter_credits openrouter_free_tier_daily insufficient_credits arrearage
    """,
    "content_filter": """
        content_filter content_policy_violation responsibleaipolicyviolation invalid_prompt flagged_input
        data_inspection_failed datainspectionfailed
    """,
    "context_overflow": "context_length_exceeded exceed_context_size_error request_too_large",
    "auth": """
        authentication_error permission_error invalid_api_key api_key_invalid unauthenticated permission_denied
        unsupported_country_region_territory accessdeniedexception unrecognizedclientexception expiredtokenexception
        invalidsignatureexception
    """,
    "not_found": """
        model_not_found model_decommissioned invalid_model deploymentnotfound not_found_error not_found notfounderror
        resourcenotfoundexception
    """,
    "slow_down": "slow_down",
    "overloaded": """
        overloaded_error server_is_overloaded service_unavailable_error unavailable modelnotreadyexception
        serviceunavailableexception service_tier_capacity_exceeded
    """,
    "rate_limited": """
        rate_limit_error rate_limit_exceeded rate_limited resource_exhausted ratelimitexceeded throttlingexception
    """,
}
WORDS: Final[dict[str, Kind]] = {word: kind for kind, words in _SPOKEN.items() for word in words.split()}

STATUSES: Final[dict[str, int]] = {
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "validationexception": 400,
    "permission_error": 403,
    "permission_denied": 403,
    "accessdeniedexception": 403,
    "modeltimeoutexception": 408,
    "conflict_error": 409,
    "request_too_large": 413,
    "modelerrorexception": 424,
    "modelstreamerrorexception": 424,
    "api_error": 500,
    "server_error": 500,
    "internal": 500,
    "internalfailure": 500,
    "internalserverexception": 500,
    "deadline_exceeded": 504,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What a word says where an error has no status of its own: inside a 200."""
IMPLIED: Final[dict[Kind, int]] = {
    "rate_limited": 429,
    "slow_down": 429,
    "quota": 402,
    "model_quota": 429,
    "overloaded": 503,
    "context_overflow": 400,
    "too_large": 413,
    "content_filter": 400,
    "auth": 401,
    "not_found": 404,
}
"""The status of a kind where neither a number nor a word names one."""

_OPENINGS: Final[dict[Kind, tuple[str, ...]]] = {
    "quota": (
        "your credit balance is too low",
        "you have reached your specified api usage limits",
        "you have reached your specified workspace api usage limits",
        "you exceeded your current quota",
        "insufficient balance",
        "insufficient credits",
        "this request requires more credits",
        "more credits are required",
        "rate limit exceeded: free-models-per-day",
        "your newly created team doesn't have any credits",
        "you have run out of credits",
        "access denied, please make sure your account is in good standing",
        "gemini api free tier is not available",
        "this api method requires billing to be enabled",
    ),
    "too_large": ("request too large for ",),  # OpenAI and Groq: more than the tier's tokens a minute
    "auth": (
        "api key not valid",
        "api key not found",
        "api key expired",
        "user location is not supported",
        "this organization has been disabled",
    ),
    "not_found": (
        "model not exist",
        "the provided model identifier is invalid",
        "invocation of model id ",
    ),
    "overloaded": (
        "the model is overloaded",
        "this model is currently experiencing high demand",
        "our servers are currently overloaded",
        "selected model is at capacity",
        "server busy, please try again",
        "service tier capacity exceeded",
    ),
}
OPENINGS: Final[tuple[tuple[str, Kind], ...]] = tuple(
    (opening, kind) for kind, openings in _OPENINGS.items() for opening in openings
)
SPENT: Final[tuple[str, str]] = ("your team ", "has either used all available credits")
"""How xAI says that money is gone, around the name of a team."""

_PHRASES: Final[dict[Kind, tuple[str, ...]]] = {
    "context_overflow": (
        "prompt is too long",
        "maximum context length",
        "exceed context limit",
        "exceeds the context window",
        "context window exceeds limit",
        "exceeds the maximum number of tokens allowed",
        "exceeds the available context size",
        "greater than the context length",
        "input is too long for requested model",
        "maximum prompt length is",
        "exceeded model token limit",
        "tokens + `max_new_tokens` must be <=",
        "range of input length should be",
        "prompt exceeds max length",
        "reduce the length of the messages",
        "contextwindowexceedederror",
    ),
    "content_filter": (
        "content management policy",
        "content filtering policy",
        "flagged as potentially violating our usage policy",
        "rejected as a result of our safety system",
        "rejected because it was considered high risk",
        "content exists risk",
        "datainspectionfailed",
        "contentpolicyviolationerror",
    ),
}
PHRASES: Final[tuple[tuple[str, Kind], ...]] = tuple(
    (phrase, kind) for kind, phrases in _PHRASES.items() for phrase in phrases
)
OF_THE_REQUEST: Final = frozenset({None, 400, 403, 413, 422, 451, 500})
"""Statuses whose message may speak of the request; None: an error that has none."""
PER_DAY, PER_MINUTE, PER_MODEL = "perday", "perminute", "permodel"
"""What the id of one of Google's quotas holds: `GenerateRequestsPerDayPerProjectPerModel-FreeTier`."""
