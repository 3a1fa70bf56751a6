"""Measure what the gateway adds to a call: its own load generator, its own upstream, its own arithmetic.

    load.py      the nouns: target, load, slice          rounds.py   who is measured when
    upstream.py  the built-in upstream (a child)         process.py  CPU time, memory and CPUs of a process
    generator.py the load generator (a child)            children.py the parent's side of these two
    subject.py   the gateway under test (a child)        report.py   slices to figures · table.py  figures to text

Invariant: every figure is of complete, correct answers, and of one run in which all targets took turns. The method and
its limits: `docs/reference/benchmarks.md`.
"""
