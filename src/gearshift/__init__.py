"""Gearshift: a self-hosted model router. Start reading at `gateway.py`."""

__version__ = "0.1.0"
