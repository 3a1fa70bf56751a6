"""Own `/admin/v1`: the JSON API that the commands and the dashboard use. Loaded when it is first asked for."""
