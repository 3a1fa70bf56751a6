"""Own why settings of LiteLLM are not carried, by their names, and what to do instead.

Source: https://docs.litellm.ai/docs/proxy/config_settings, read 2026-11-27.
"""

from __future__ import annotations

from typing import Final

from gearshift.migration.findings import Reason

_DEFAULTS: Final = Reason("Gearshift sends what callers send, and adds no defaults", "let the callers send it")
_HEADERS: Final = Reason(
    "a provider gets no headers but that of its key", "put a proxy that adds them before the provider, or do without"
)
_LIMIT: Final = Reason(
    "a deployment has no limits of its own",
    "nothing is needed: an answer 429 leads to the next deployment",
)
_TIME: Final = Reason("time limits hold for all deployments", "see `reliability` in the config")
_TRIES: Final = Reason("a deployment has no number of tries of its own", "see `reliability.max_attempts`")
_BUDGET: Final = Reason("a deployment or provider has no budget", "give a router the objective `budget`")
_AWS: Final = Reason(
    "calls are signed with a key pair; profiles, roles and web identities are not read in this version",
    "export their credentials (`aws configure export-credentials --format env`), or make a Bedrock API key",
)
_ENTRA: Final = Reason(
    "Azure is called with a key, or a token of an application or of a machine, for its usual scope",
    "say `auth: entra` or `auth: managed_identity` at the provider, or state the key of the resource",
)
_ACCOUNT: Final = Reason(
    "a provider's account is that of its key", "use a key of that organization or project; one provider for each"
)
_DROP: Final = Reason(
    "what a provider cannot take is never dropped in silence: the next deployment is tried, or the caller told",
    "nothing is needed",
)
_TAGS: Final = Reason("deployments have no tags", "write a router with rules on the request's metadata")
_MOCK: Final = Reason("no deployment answers by itself", "see `gearshift demo`")
_ROUTES: Final = Reason(
    "Gearshift's predictor chooses among candidates, not by examples of what each is for",
    "write a router with candidates, or with rules",
)
_CACHE: Final = Reason(
    "Gearshift does not keep answers", "nothing is needed; providers' own caches are used and charged as such"
)
_CALLBACK: Final = Reason(
    "Gearshift calls nobody: it has /metrics (Prometheus), log lines and its store",
    "scrape /metrics, or read the log (`gearshift export`)",
)
_LOGS: Final = Reason("log lines are JSON, and there is no debug mode", "nothing is needed")
_HEALTH: Final = Reason(
    "no deployment is put aside after failures in this version", "nothing is needed: the next one is tried"
)
_FALLBACK: Final = Reason(
    "a model's fallbacks are for every failure, not for one kind",
    "add them to `fallbacks` of the model if they may answer after other failures too",
)
_RETRY: Final = Reason("there is one number of tries for all errors", "see `reliability.max_attempts`")
_SHARED: Final = Reason("processes share no state in this version", "run one process, or do without")
_STRATEGY: Final = Reason(
    "a model's deployments are tried in order",
    'name the model with :floor (cheapest first) or :nitro (fastest first), or send "provider": {"sort": "latency"}',
)
_DATABASE: Final = Reason(
    "exchanges are kept in SQLite, and keys stand in the config", "state `store`; users, teams and spend do not move"
)
_KEYS: Final = Reason("callers' keys stand in the config", "list them under `server.keys`, as env:NAME each")
_ALERT: Final = Reason("Gearshift sends no alerts", "alert on its metrics")
_CHECKS: Final = Reason("deployments are not called but for requests", "`gearshift check --probe` calls each once")
_GUARD: Final = Reason("Gearshift does not inspect or change what is said", "keep a guard before it or behind it")
_CODE: Final = Reason("Gearshift loads no code of yours", "put it into a proxy before it")
_BEYOND: Final = Reason("Gearshift serves chat and embeddings only", "keep it at LiteLLM")
_WINDOW: Final = Reason(
    "it is always so: a router passes over a model whose window is surely too small",
    "state `context_window` where it is not known",
)
_ENV: Final = Reason(
    "a config sets no variables", "set them in the environment of `gearshift serve`, where it needs them"
)
_INCLUDE: Final = Reason("other files are not read", "put their contents into one file, and import again")


def _table(*rows: tuple[Reason, str]) -> dict[str, Reason]:
    """Make a table of reasons and the settings that they are for."""
    return {name: reason for reason, names in rows for name in names.split()}


PARAMS: Final = _table(
    (_DEFAULTS, "temperature max_tokens max_completion_tokens top_p top_k n seed stop stream user metadata extra_body"),
    (_DEFAULTS, "presence_penalty frequency_penalty logit_bias logprobs reasoning_effort thinking verbosity"),
    (_DEFAULTS, "response_format tools tool_choice service_tier cache_control_injection_points"),
    (_HEADERS, "extra_headers headers default_headers"),
    (_LIMIT, "rpm tpm rpd tpd itpm otpm max_parallel_requests"),
    (_TIME, "timeout stream_timeout"),
    (_TRIES, "max_retries num_retries"),
    (_BUDGET, "max_budget budget_duration"),
    (_AWS, "aws_session_name aws_profile_name aws_role_name"),
    (_AWS, "aws_web_identity_token aws_sts_endpoint aws_external_id aws_session_tags"),
    (_ENTRA, "azure_username azure_password azure_scope"),
    (_ACCOUNT, "organization project"),
    (_DROP, "drop_params additional_drop_params allowed_openai_params"),
    (_TAGS, "tags tag_regex"),
    (_MOCK, "mock_response"),
    (_ROUTES, "auto_router_config auto_router_config_path auto_router_embedding_model auto_router_max_input_chars"),
)
"""Of `litellm_params`."""
SETTINGS: Final = _table(
    (_FALLBACK, "context_window_fallbacks content_policy_fallbacks"),
    (_HEALTH, "allowed_fails allowed_fails_policy cooldown_time disable_cooldowns"),
    (_RETRY, "num_retries max_fallbacks retry_after retry_policy model_group_retry_policy"),
    (_STRATEGY, "routing_strategy routing_strategy_args routing_groups"),
    (_SHARED, "redis_host redis_port redis_password redis_url redis_username redis_db"),
    (_SHARED, "coordination_redis use_redis_transaction_buffer"),
    (_WINDOW, "enable_pre_call_checks"),
    (_TAGS, "enable_tag_filtering tag_filtering_match_any"),
    (_BUDGET, "provider_budget_config max_budget budget_duration"),
    (_CACHE, "cache cache_params cache_responses"),
    (_CALLBACK, "callbacks success_callback failure_callback service_callbacks audit_log_callbacks otel"),
    (_CALLBACK, "turn_off_message_logging langfuse_default_tags redact_user_api_key_info"),
    (_LOGS, "set_verbose json_logs suppress_debug_info"),
    (_DROP, "drop_params modify_params"),
    (_ENTRA, "enable_azure_ad_token_refresh"),
    (_GUARD, "guardrails post_call_rules"),
    (_CODE, "custom_auth custom_provider_map custom_key_generate custom_sso"),
    (_DATABASE, "database_url database_type database_connection_pool_limit database_connection_timeout"),
    (_DATABASE, "store_model_in_db"),
    (_KEYS, "key_generation_settings default_key_generate_params default_internal_user_params default_team_settings"),
    (_KEYS, "enable_jwt_auth litellm_jwtauth key_management_system key_management_settings"),
    (_ALERT, "alerting alert_types alerting_threshold alerting_args alert_to_webhook_url"),
    (_CHECKS, "background_health_checks health_check_interval enable_health_check_routing"),
    (_BEYOND, "pass_through_endpoints mcp_aliases"),
)
"""Of `router_settings`, `litellm_settings` and `general_settings`."""
SECTIONS: Final = _table(
    (_ENV, "environment_variables"),
    (_INCLUDE, "include"),
    (_CALLBACK, "callback_settings"),
    (_GUARD, "guardrails"),
    (_BEYOND, "mcp_servers vector_store_registry search_tools files_settings finetune_settings assistant_settings"),
)
"""Of the config's other sections."""
OTHER_PARAM: Final = Reason("a deployment has no such setting", "see whether a caller can send it")
OTHER_SETTING: Final = Reason("Gearshift has no such setting", "see docs/reference/configuration.md for what there is")
WILDCARD: Final = Reason(
    "a model that callers name must be declared", "declare each model that you call under `models`"
)
MAX_NAMED: Final = frozenset(
    {"fallbacks", "default_fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "routing_strategy"}
    | {"callbacks", "success_callback", "failure_callback", "service_callbacks", "alerting", "include"}
)
"""Settings whose texts are names of models or features, and may be shown."""
