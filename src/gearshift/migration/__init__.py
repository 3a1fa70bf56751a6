"""Own how another gateway's config becomes one of Gearshift's: a folder for each, `findings.py` says what was left.

Invariant: pure. What comes in is plain data; what comes out loads in Gearshift, holds no secret, and is told in full:
all that was not carried is listed with its place.
"""
