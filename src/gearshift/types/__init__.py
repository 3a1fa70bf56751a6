"""Own the nouns: frozen values with no behaviour beyond their invariants.

Money is `NanoUSD` (integer, 1e-9 US dollar), time is `Seconds` (float), unknown is `None`, never 0.
"""
