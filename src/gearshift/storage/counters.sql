-- Counters of budgets, in PostgreSQL. What each function does is told in counters.py; each answers with a JSON array.
--
-- Every call takes, until its transaction ends, first a shared lock on the epoch (who opens or fills one takes it alone),
-- then one on the id that it is about, then one for each counter that it changes, in one order, and only then rows: so
-- nobody waits for each other in a ring. A counter's lock covers all its buckets: two calls on either side of a bucket's
-- end see each other.
-- A hold is [counter, begin, ends, back, amount, limit, orphaned, kept until], times in seconds since the epoch; kept
-- until 0: there is no window, and the bucket is forgotten a day or two after its last change.

CREATE TABLE IF NOT EXISTS counter_epoch (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  name text NOT NULL,
  ready boolean NOT NULL,
  opened timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS counter_buckets (
  counter text NOT NULL,
  begin bigint NOT NULL,
  used bigint NOT NULL,
  held bigint NOT NULL,
  kept bigint NOT NULL,
  PRIMARY KEY (counter, begin)
);

CREATE TABLE IF NOT EXISTS counter_reservations (
  id text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('held', 'orphaned', 'over')),
  until timestamptz NOT NULL,
  holds jsonb NOT NULL,
  adopted boolean NOT NULL
);

CREATE INDEX IF NOT EXISTS ix_counter_reservations_until ON counter_reservations (until);

CREATE INDEX IF NOT EXISTS ix_counter_buckets_kept ON counter_buckets (kept);

CREATE OR REPLACE FUNCTION gearshift_1_enter(asked text, needs_ready boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  current counter_epoch;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7211992, 0);
  SELECT * INTO current FROM counter_epoch;
  IF current.name IS DISTINCT FROM asked OR (needs_ready AND NOT current.ready) THEN
    RETURN jsonb_build_array('LOST', coalesce(current.name, ''), coalesce(current.ready, false)::int);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_lock(holds jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  number int;
BEGIN
  FOR number IN SELECT DISTINCT hashtext(hold ->> 0) FROM jsonb_array_elements(holds) hold ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(7211993, number);
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_alone(asked text) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(7211994, hashtext(asked))
$$;

CREATE OR REPLACE FUNCTION gearshift_1_standing_of(hold jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_array(
    coalesce(sum(used), 0)::bigint,
    coalesce(sum(held), 0)::bigint,
    coalesce(min(begin) FILTER (WHERE used <> 0 OR held <> 0), -1)
  )
  FROM counter_buckets
  WHERE counter = hold ->> 0
    AND begin <= (hold ->> 1)::bigint
    AND begin >= (hold ->> 1)::bigint - (hold ->> 3)::bigint * ((hold ->> 2)::bigint - (hold ->> 1)::bigint)
$$;

CREATE OR REPLACE FUNCTION gearshift_1_standings(holds jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  hold jsonb;
  answer jsonb := '["OK"]';
BEGIN
  FOR hold IN SELECT jsonb_array_elements(holds) LOOP
    answer := answer || gearshift_1_standing_of(hold);
  END LOOP;
  RETURN answer;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_move(hold jsonb, more_used bigint, more_held bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  until bigint := (hold ->> 7)::bigint;
BEGIN
  IF until = 0 THEN until := (extract(epoch FROM clock_timestamp())::bigint / 86400 + 2) * 86400; END IF;
  IF more_used > 0 OR more_held > 0 THEN
    INSERT INTO counter_buckets AS b (counter, begin, used, held, kept)
    VALUES (hold ->> 0, (hold ->> 1)::bigint, more_used, more_held, until)
    ON CONFLICT (counter, begin) DO UPDATE SET used = b.used + more_used, held = b.held + more_held, kept = until;
  ELSIF more_used < 0 OR more_held < 0 THEN
    UPDATE counter_buckets SET used = used + more_used, held = held + more_held
    WHERE counter = hold ->> 0 AND begin = (hold ->> 1)::bigint;
  END IF;
END $$;

-- Count a reservation's holds otherwise than they are: 1, 0 or -1 times what is held, and what an orphan is counted as.
CREATE OR REPLACE FUNCTION gearshift_1_turn(holds jsonb, times_held int, times_orphaned int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  hold jsonb;
BEGIN
  FOR hold IN SELECT jsonb_array_elements(holds) LOOP
    PERFORM gearshift_1_move(hold, 0, times_held * (hold ->> 4)::bigint);
    PERFORM gearshift_1_move(hold, times_orphaned * (hold ->> 6)::bigint, 0);
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_held(known counter_reservations, hold jsonb) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(max((each ->> 4)::bigint), 0) FROM jsonb_array_elements(known.holds) each
  WHERE each -> 0 = hold -> 0 AND each -> 1 = hold -> 1
$$;

CREATE OR REPLACE FUNCTION gearshift_1_refusal(known counter_reservations, holds jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  hold jsonb;
  standing jsonb;
  more bigint;
  number int := 0;
BEGIN
  FOR hold IN SELECT jsonb_array_elements(holds) LOOP
    standing := gearshift_1_standing_of(hold);
    more := (hold ->> 4)::bigint - gearshift_1_held(known, hold);
    IF more > 0 AND (standing ->> 0)::bigint + (standing ->> 1)::bigint + more > (hold ->> 5)::bigint THEN
      RETURN jsonb_build_array('REFUSED', number) || standing;
    END IF;
    number := number + 1;
  END LOOP;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_keep(
  asked text, known counter_reservations, more jsonb, ttl double precision, noted boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  hold jsonb;
  before bigint;
  kept jsonb := coalesce(known.holds, '[]');
BEGIN
  FOR hold IN SELECT jsonb_array_elements(more) LOOP
    before := gearshift_1_held(known, hold);
    IF (hold ->> 4)::bigint > before OR known.id IS NULL THEN
      PERFORM gearshift_1_move(hold, 0, (hold ->> 4)::bigint - before);
      SELECT coalesce(jsonb_agg(each), '[]') INTO kept FROM jsonb_array_elements(kept) each
      WHERE each -> 0 <> hold -> 0 OR each -> 1 <> hold -> 1;
      kept := kept || jsonb_build_array(hold);
    END IF;
  END LOOP;
  INSERT INTO counter_reservations (id, state, until, holds, adopted)
  VALUES (asked, 'held', clock_timestamp() + make_interval(secs => ttl), kept, noted)
  ON CONFLICT (id) DO UPDATE SET state = 'held', until = excluded.until, holds = excluded.holds;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_reserve(epoch text, asked text, ttl double precision, holds jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  refused jsonb := gearshift_1_enter(epoch, true);
  now_s double precision;
BEGIN
  IF refused IS NOT NULL THEN RETURN refused; END IF;
  PERFORM gearshift_1_alone(asked);
  PERFORM gearshift_1_lock(holds);
  IF EXISTS (SELECT FROM counter_reservations WHERE id = asked) THEN
    RETURN gearshift_1_standings(holds);
  END IF;
  now_s := extract(epoch FROM clock_timestamp());
  IF EXISTS (SELECT FROM jsonb_array_elements(holds) hold
             WHERE now_s < (hold ->> 1)::bigint OR now_s >= (hold ->> 2)::bigint) THEN
    RETURN jsonb_build_array('STALE', now_s);
  END IF;
  refused := gearshift_1_refusal(NULL, holds);
  IF refused IS NOT NULL THEN RETURN refused; END IF;
  PERFORM gearshift_1_keep(asked, NULL, holds, ttl, false);
  RETURN gearshift_1_standings(holds);
END $$;

-- Lock what a reservation holds and what more is named, then read it as it is then.
CREATE OR REPLACE FUNCTION gearshift_1_known(asked text, more jsonb) RETURNS counter_reservations LANGUAGE plpgsql AS $$
DECLARE
  known counter_reservations;
BEGIN
  PERFORM gearshift_1_alone(asked);
  SELECT * INTO known FROM counter_reservations WHERE id = asked;
  PERFORM gearshift_1_lock(coalesce(known.holds, '[]') || more);
  SELECT * INTO known FROM counter_reservations WHERE id = asked FOR UPDATE;
  RETURN known;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_extend(epoch text, asked text, ttl double precision, holds jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  refused jsonb := gearshift_1_enter(epoch, true);
  known counter_reservations;
BEGIN
  IF refused IS NOT NULL THEN RETURN refused; END IF;
  known := gearshift_1_known(asked, holds);
  IF known.state = 'over' THEN RETURN '["OK"]'; END IF;
  IF known.state = 'orphaned' THEN
    PERFORM gearshift_1_turn(known.holds, 1, -1);
    UPDATE counter_reservations SET state = 'held' WHERE id = asked;
  END IF;
  refused := gearshift_1_refusal(known, holds);
  IF refused IS NULL THEN
    PERFORM gearshift_1_keep(asked, known, holds, ttl, false);
    RETURN '["OK"]';
  END IF;
  UPDATE counter_reservations SET until = clock_timestamp() + make_interval(secs => ttl) WHERE id = asked;
  RETURN refused;
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_adopt(epoch text, asked text, ttl double precision, holds jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  lost jsonb := gearshift_1_enter(epoch, false);
BEGIN
  IF lost IS NOT NULL THEN RETURN lost; END IF;
  PERFORM gearshift_1_alone(asked);
  PERFORM gearshift_1_lock(holds);
  IF NOT EXISTS (SELECT FROM counter_reservations WHERE id = asked) THEN
    PERFORM gearshift_1_keep(asked, NULL, holds, ttl, NOT (SELECT ready FROM counter_epoch));
  END IF;
  RETURN '["OK"]';
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_beat(epoch text, ttl double precision, ids text[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  lost jsonb := gearshift_1_enter(epoch, false);
  orphaned jsonb;
BEGIN
  IF lost IS NOT NULL THEN RETURN lost; END IF;
  SELECT coalesce(jsonb_agg(hold), '[]') INTO orphaned
  FROM counter_reservations, jsonb_array_elements(holds) hold WHERE id = ANY (ids) AND state = 'orphaned';
  PERFORM gearshift_1_lock(orphaned);
  PERFORM gearshift_1_turn(holds, 1, -1) FROM (
    SELECT holds FROM counter_reservations WHERE id = ANY (ids) AND state = 'orphaned' ORDER BY id FOR UPDATE
  ) revived;
  UPDATE counter_reservations SET state = 'held', until = clock_timestamp() + make_interval(secs => ttl)
  WHERE id IN (SELECT id FROM counter_reservations WHERE id = ANY (ids) AND state <> 'over' ORDER BY id FOR UPDATE);
  RETURN '["OK"]'::jsonb || coalesce((
    SELECT jsonb_agg(each) FROM unnest(ids) each WHERE each NOT IN (SELECT id FROM counter_reservations WHERE id = ANY (ids))
  ), '[]');
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_finish(known counter_reservations, asked text, noted boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF known.state = 'held' THEN PERFORM gearshift_1_turn(known.holds, -1, 0); END IF;
  IF known.state = 'orphaned' THEN PERFORM gearshift_1_turn(known.holds, 0, -1); END IF;
  INSERT INTO counter_reservations (id, state, until, holds, adopted)
  VALUES (asked, 'over', clock_timestamp() + interval '300 seconds', '[]', noted)
  ON CONFLICT (id) DO UPDATE SET state = 'over', until = excluded.until, holds = '[]';
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_settle(epoch text, asked text, holds jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lost jsonb := gearshift_1_enter(epoch, false);
  known counter_reservations;
  hold jsonb;
BEGIN
  IF lost IS NOT NULL THEN RETURN lost; END IF;
  known := gearshift_1_known(asked, holds);
  IF known.state = 'over' THEN RETURN '["OK"]'; END IF;
  PERFORM gearshift_1_finish(known, asked, NOT (SELECT ready FROM counter_epoch));
  FOR hold IN SELECT jsonb_array_elements(holds) LOOP
    PERFORM gearshift_1_move(hold, (hold ->> 4)::bigint, 0);
  END LOOP;
  RETURN '["OK"]';
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_release(epoch text, asked text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lost jsonb := gearshift_1_enter(epoch, false);
  known counter_reservations;
BEGIN
  IF lost IS NOT NULL THEN RETURN lost; END IF;
  known := gearshift_1_known(asked, '[]');
  IF known.state IS DISTINCT FROM 'over' THEN PERFORM gearshift_1_finish(known, asked, false); END IF;
  RETURN '["OK"]';
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_expire(epoch text, count int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lost jsonb := gearshift_1_enter(epoch, false);
  due text[];
  locked jsonb;
BEGIN
  IF lost IS NOT NULL THEN RETURN lost; END IF;
  SELECT array_agg(id) INTO due FROM (
    SELECT id FROM counter_reservations WHERE state = 'held' AND until <= clock_timestamp() ORDER BY until LIMIT count) d;
  SELECT coalesce(jsonb_agg(hold), '[]') INTO locked
  FROM counter_reservations, jsonb_array_elements(holds) hold WHERE id = ANY (due);
  PERFORM gearshift_1_lock(locked);
  SELECT array_agg(id) INTO due FROM (
    SELECT id FROM counter_reservations
    WHERE id = ANY (due) AND state = 'held' AND until <= clock_timestamp() ORDER BY id FOR UPDATE) d;
  PERFORM gearshift_1_turn(holds, -1, 1) FROM counter_reservations WHERE id = ANY (due);
  UPDATE counter_reservations SET state = 'orphaned', until = clock_timestamp() + interval '1 day' WHERE id = ANY (due);
  DELETE FROM counter_reservations WHERE id IN (
    SELECT id FROM counter_reservations WHERE state <> 'held' AND until <= clock_timestamp()
    ORDER BY until LIMIT 10000 FOR UPDATE SKIP LOCKED);
  DELETE FROM counter_buckets WHERE (counter, begin) IN (
    SELECT counter, begin FROM counter_buckets WHERE kept <= extract(epoch FROM clock_timestamp()) AND held = 0
    LIMIT 10000 FOR UPDATE SKIP LOCKED);
  RETURN '["OK"]'::jsonb || coalesce(to_jsonb(due), '[]');
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_standing(epoch text, holds jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN coalesce(gearshift_1_enter(epoch, false), gearshift_1_standings(holds));
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_attach() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_array('OK') || coalesce(
    (SELECT jsonb_build_array(name, ready::int, 0, extract(epoch FROM clock_timestamp() - opened)) FROM counter_epoch),
    '["", 0, 0, 0]')
$$;

CREATE OR REPLACE FUNCTION gearshift_1_renew(lost text, fresh text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7211992, 0);
  IF coalesce((SELECT name FROM counter_epoch), '') = lost THEN
    DELETE FROM counter_epoch;
    DELETE FROM counter_buckets;
    DELETE FROM counter_reservations;
    INSERT INTO counter_epoch (name, ready, opened) VALUES (fresh, false, clock_timestamp());
  END IF;
  RETURN '["OK"]';
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_adopted(epoch text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN coalesce(
    gearshift_1_enter(epoch, false),
    '["OK"]'::jsonb || coalesce((SELECT jsonb_agg(id) FROM counter_reservations WHERE adopted), '[]'));
END $$;

CREATE OR REPLACE FUNCTION gearshift_1_restore(epoch text, holds jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lost jsonb;
  hold jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock(7211992, 0);
  lost := gearshift_1_enter(epoch, false);
  IF lost IS NOT NULL THEN RETURN lost; END IF;
  IF (SELECT ready FROM counter_epoch) THEN RETURN '["OK", 0]'; END IF;
  FOR hold IN SELECT jsonb_array_elements(holds) LOOP
    PERFORM gearshift_1_move(hold, (hold ->> 4)::bigint, 0);
  END LOOP;
  UPDATE counter_epoch SET ready = true;
  UPDATE counter_reservations SET adopted = false WHERE adopted;
  RETURN '["OK", 1]';
END $$;
