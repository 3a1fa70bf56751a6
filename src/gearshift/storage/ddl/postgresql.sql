-- Written by `python -m tools.build_schema` from storage/schema.py: do not edit.
CREATE TABLE api_keys (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  prefix TEXT NOT NULL,
  role TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  revision BIGINT NOT NULL,
  team TEXT,
  user_id TEXT,
  scopes TEXT,
  defaults TEXT,
  expires DOUBLE PRECISION,
  revoked DOUBLE PRECISION,
  PRIMARY KEY (id),
  UNIQUE (hash)
);
CREATE TABLE audit (
  id TEXT NOT NULL,
  at DOUBLE PRECISION NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT,
  PRIMARY KEY (id)
);
CREATE INDEX audit_at ON audit (at);
CREATE TABLE budgets (
  id TEXT NOT NULL,
  scope_kind TEXT NOT NULL,
  scope_value TEXT NOT NULL,
  unit TEXT NOT NULL,
  amount BIGINT NOT NULL,
  mode TEXT NOT NULL,
  on_loss TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  revision BIGINT NOT NULL,
  period TEXT,
  calendar INTEGER,
  deleted DOUBLE PRECISION,
  PRIMARY KEY (id)
);
CREATE TABLE exchanges (
  id TEXT NOT NULL,
  created DOUBLE PRECISION,
  protocol TEXT,
  path TEXT,
  requested_model TEXT,
  model TEXT,
  deployment TEXT,
  provider TEXT,
  router TEXT,
  reason TEXT,
  propensity DOUBLE PRECISION,
  key TEXT,
  session TEXT,
  stream INTEGER,
  outcome TEXT,
  status INTEGER,
  error TEXT,
  response_id TEXT,
  finish_reason TEXT,
  input_tokens BIGINT,
  output_tokens BIGINT,
  cache_read_tokens BIGINT,
  reasoning_tokens BIGINT,
  usage_estimated INTEGER,
  quality DOUBLE PRECISION,
  cost BIGINT,
  baseline_cost BIGINT,
  duration DOUBLE PRECISION,
  first_token DOUBLE PRECISION,
  overhead DOUBLE PRECISION,
  decision TEXT,
  attempts TEXT,
  prompt TEXT,
  answer TEXT,
  team TEXT,
  user_id TEXT,
  cache TEXT,
  tags TEXT,
  prompt_z BYTEA,
  answer_z BYTEA,
  UNIQUE (id)
);
CREATE INDEX exchanges_created ON exchanges (created);
CREATE INDEX exchanges_response ON exchanges (response_id);
CREATE INDEX exchanges_session ON exchanges (session);
CREATE INDEX exchanges_spending ON exchanges (router, created, cost, baseline_cost);
CREATE TABLE feedback (
  created DOUBLE PRECISION NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  exchange_id TEXT,
  session_id TEXT,
  label TEXT,
  comment TEXT
);
CREATE INDEX feedback_exchange ON feedback (exchange_id);
CREATE TABLE ledger (
  id TEXT NOT NULL,
  exchange_id TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  deployment TEXT NOT NULL,
  model TEXT NOT NULL,
  provider TEXT NOT NULL,
  purpose TEXT NOT NULL,
  state TEXT NOT NULL,
  billing TEXT NOT NULL,
  ended DOUBLE PRECISION,
  key TEXT,
  team TEXT,
  user_id TEXT,
  router TEXT,
  tags TEXT,
  status INTEGER,
  error TEXT,
  estimated INTEGER,
  input_tokens BIGINT,
  output_tokens BIGINT,
  cache_read_tokens BIGINT,
  cache_write_tokens BIGINT,
  reasoning_tokens BIGINT,
  cost BIGINT,
  bound BIGINT,
  PRIMARY KEY (id)
);
CREATE INDEX ledger_created ON ledger (created);
CREATE INDEX ledger_exchange ON ledger (exchange_id);
CREATE INDEX ledger_key ON ledger (key, created);
CREATE TABLE revision (
  n BIGINT NOT NULL
);
CREATE TABLE schema_version (
  version BIGINT NOT NULL,
  oldest BIGINT NOT NULL
);
CREATE TABLE settings (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE teams (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  revision BIGINT NOT NULL,
  deleted DOUBLE PRECISION,
  PRIMARY KEY (id)
);
CREATE TABLE users (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  revision BIGINT NOT NULL,
  email TEXT,
  team TEXT,
  deleted DOUBLE PRECISION,
  PRIMARY KEY (id)
);
