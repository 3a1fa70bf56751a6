"""The commands, one small file per group: `app.py` lists them, and only `assemble.py` wires everything."""
