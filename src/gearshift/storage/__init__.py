"""Remember: the log of exchanges and feedback."""
