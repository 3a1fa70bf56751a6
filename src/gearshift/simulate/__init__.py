"""Own the demo providers: small real models, simulated tiers and recorded outcomes, served as an OpenAI-like upstream.

They run in a child process of their own and are reached over HTTP like any provider, so the gateway has no special
case for them. Invariant: what is simulated says so in its name, its owner and its every answer.
"""
