"""Decide: pure functions from a request and a snapshot of the world to a decision."""
