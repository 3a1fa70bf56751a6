"""The commands: one small file per group. `app.py` lists them, `assemble.py` is the only place that wires everything."""
