"""Learn from outcomes which model will answer a prompt how well, for how many tokens.

Read in this order: `data` (what is learned from), `features` (what is seen of a prompt), `estimators`, `abilities`,
`outcomes`, `lengths` (the mathematics), `training` (data to artefact), `artifact` (on disk), `predictor` (serving),
`metrics` and `evaluation` (does it pay), `logged`, `target`, `offpolicy`, `support` and `replay` (what another policy
would have made of the gateway's own log). numpy serves; scipy solves in training; pyarrow reads and writes Parquet.
"""
