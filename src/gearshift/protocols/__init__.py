"""Translate between wire bytes and nouns, sans I/O: codecs of one shape."""
