#!lua name=gearshift_counters_1
-- Counters of budgets, in Valkey 7.2 or Redis 7 and later. What each function does is told in counters.py.
--
-- All keys of a deployment share one hash slot: the tag is in KEYS[1], the key of the epoch, and begins every other key.
--   E                  hash: name, ready, opened (ms)
--   E:<name>:c:<counter>:<begin>:u | :h    what is used, and held, in one bucket
--   E:<name>:r:<id>    hash: s (held, orphaned, over), n, and for each hold p, a, o, k: place, amount, orphaned, kept until
--   E:<name>:due       sorted set of ids that are held, by when their owner must have been heard of (ms)
--   E:<name>:adopted   set of ids that this epoch counts by itself
-- Numbers are doubles: whole up to 2^53, which is the largest limit. They are written by int(), never by tostring().
-- Another version of this file has another number in the library's name and in those of its functions.

local DAY = 86400000
local REMEMBERED = 300000

-- Which epochs were opened by this very process. A replica that takes over, or a server that starts again, has opened
-- none, so what it lost of them is not counted on.
local witnessed = {}

local function int(number)
  return string.format('%.0f', number)
end

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function enter(keys, args, needs_ready)
  local found = redis.call('HMGET', keys[1], 'name', 'ready')
  local name, ready = found[1], found[2] == '1'
  if not name or name ~= args[1] or witnessed[keys[1]] ~= name or (needs_ready and not ready) then
    return nil, { 'LOST', name or '', ready and 1 or 0 }
  end
  return keys[1] .. ':' .. name .. ':', nil, ready
end

local function read_holds(args, from)
  local holds = {}
  for at = from, #args, 8 do
    holds[#holds + 1] = {
      counter = args[at],
      begin = tonumber(args[at + 1]),
      ends = tonumber(args[at + 2]),
      back = tonumber(args[at + 3]),
      amount = tonumber(args[at + 4]),
      limit = tonumber(args[at + 5]),
      orphaned = tonumber(args[at + 6]),
      kept = tonumber(args[at + 7]),
      place = args[at] .. ':' .. args[at + 1],
    }
  end
  return holds
end

local function tally(base, hold)
  local keys, length = {}, hold.ends - hold.begin
  for back = hold.back, 0, -1 do
    local place = base .. 'c:' .. hold.counter .. ':' .. int(hold.begin - back * length)
    keys[#keys + 1] = place .. ':u'
    keys[#keys + 1] = place .. ':h'
  end
  local found = redis.call('MGET', unpack(keys))
  local used, held, since = 0, 0, -1
  for at = 1, #keys, 2 do
    if since < 0 and (found[at] or found[at + 1]) then
      since = hold.begin - (hold.back - (at - 1) / 2) * length
    end
    used = used + tonumber(found[at] or 0)
    held = held + tonumber(found[at + 1] or 0)
  end
  return used, held, since
end

-- A bucket that is forgotten stays so; one that is empty is forgotten; one without a window (kept: 0) when a day passes.
local function move(key, by, kept, now)
  if by == 0 or (by < 0 and redis.call('EXISTS', key) == 0) then
    return
  end
  local left = redis.call('INCRBY', key, int(by))
  if left == 0 then
    redis.call('DEL', key)
  elseif kept == 0 then
    redis.call('PEXPIREAT', key, int(now + DAY))
  elseif left == by then
    redis.call('PEXPIREAT', key, int(kept))
  end
end

local function load(base, id)
  local flat = redis.call('HGETALL', base .. 'r:' .. id)
  if #flat == 0 then
    return nil
  end
  local record = {}
  for at = 1, #flat, 2 do
    record[flat[at]] = flat[at + 1]
  end
  record.n = tonumber(record.n or 0)
  return record
end

local function let_go(base, record, now)
  for at = 1, record.n do
    local key, kept = base .. 'c:' .. record['p' .. at], tonumber(record['k' .. at])
    if record.s == 'held' then
      move(key .. ':h', -tonumber(record['a' .. at]), kept, now)
    else
      move(key .. ':u', -tonumber(record['o' .. at]), kept, now)
    end
  end
end

local function owe(base, id, now, ttl)
  redis.call('ZADD', base .. 'due', int(now + ttl), id)
  redis.call('PEXPIRE', base .. 'due', int(DAY))
  redis.call('PEXPIRE', base .. 'r:' .. id, int(DAY))
end

local function revive(base, id, record, now)
  let_go(base, record, now)
  for at = 1, record.n do
    move(base .. 'c:' .. record['p' .. at] .. ':h', tonumber(record['a' .. at]), tonumber(record['k' .. at]), now)
  end
  record.s = 'held'
  redis.call('HSET', base .. 'r:' .. id, 's', 'held')
end

local function amount_of(record, place)
  if record then
    for at = 1, record.n do
      if record['p' .. at] == place then
        return tonumber(record['a' .. at]), at
      end
    end
  end
  return 0, nil
end

local function keep(base, id, record, holds, now)
  local key, count = base .. 'r:' .. id, record and record.n or 0
  for _, hold in ipairs(holds) do
    local before, at = amount_of(record, hold.place)
    if not at or before < hold.amount then
      if not at then
        count = count + 1
        at = count
      end
      move(base .. 'c:' .. hold.place .. ':h', hold.amount - before, hold.kept, now)
      redis.call('HSET', key, 's', 'held', 'n', count, 'p' .. at, hold.place, 'a' .. at, int(hold.amount),
        'o' .. at, int(hold.orphaned), 'k' .. at, int(hold.kept))
    end
  end
  if count == 0 then
    redis.call('HSET', key, 's', 'held', 'n', 0)
  end
end

local function sweep(base, now, count)
  local ids = redis.call('ZRANGEBYSCORE', base .. 'due', '-inf', int(now), 'LIMIT', 0, count)
  for _, id in ipairs(ids) do
    redis.call('ZREM', base .. 'due', id)
    local record = load(base, id)
    if record and record.s == 'held' then
      let_go(base, record, now)
      for at = 1, record.n do
        move(base .. 'c:' .. record['p' .. at] .. ':u', tonumber(record['o' .. at]), tonumber(record['k' .. at]), now)
      end
      redis.call('HSET', base .. 'r:' .. id, 's', 'orphaned')
      redis.call('PEXPIRE', base .. 'r:' .. id, int(DAY))
    end
  end
  return ids
end

local function finish(base, id)
  redis.call('ZREM', base .. 'due', id)
  redis.call('DEL', base .. 'r:' .. id)
  redis.call('HSET', base .. 'r:' .. id, 's', 'over')
  redis.call('PEXPIRE', base .. 'r:' .. id, int(REMEMBERED))
end

local function note(base, id, ready)
  if not ready then
    redis.call('SADD', base .. 'adopted', id)
    redis.call('PEXPIRE', base .. 'adopted', int(DAY))
  end
end

local function standings(base, holds)
  local answer = { 'OK' }
  for _, hold in ipairs(holds) do
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = tally(base, hold)
  end
  return answer
end

local function refusal(base, holds, record)
  for number, hold in ipairs(holds) do
    local more = hold.amount - amount_of(record, hold.place)
    local used, held, since = tally(base, hold)
    if more > 0 and used + held + more > hold.limit then
      return { 'REFUSED', number - 1, used, held, since }
    end
  end
end

-- epoch, id, ttl (ms), holds
local function reserve(keys, args)
  local base, lost = enter(keys, args, true)
  if not base then return lost end
  local id, holds, now = args[2], read_holds(args, 4), clock()
  sweep(base, now, 2)
  if redis.call('EXISTS', base .. 'r:' .. id) == 1 then
    return standings(base, holds)
  end
  for _, hold in ipairs(holds) do
    if now < hold.begin * 1000 or now >= hold.ends * 1000 then
      return { 'STALE', now }
    end
  end
  local refused = refusal(base, holds, nil)
  if refused then return refused end
  keep(base, id, nil, holds, now)
  owe(base, id, now, tonumber(args[3]))
  return standings(base, holds)
end

-- epoch, id, ttl (ms), holds
local function extend(keys, args)
  local base, lost = enter(keys, args, true)
  if not base then return lost end
  local id, holds, now = args[2], read_holds(args, 4), clock()
  local record = load(base, id)
  if record and record.s == 'over' then return { 'OK' } end
  if record and record.s == 'orphaned' then revive(base, id, record, now) end
  local refused = refusal(base, holds, record)
  if not refused then keep(base, id, record, holds, now) end
  if record or not refused then owe(base, id, now, tonumber(args[3])) end
  return refused or { 'OK' }
end

-- epoch, id, ttl (ms), holds
local function adopt(keys, args)
  local base, lost, ready = enter(keys, args, false)
  if not base then return lost end
  local id, now = args[2], clock()
  if redis.call('EXISTS', base .. 'r:' .. id) == 0 then
    note(base, id, ready)
    keep(base, id, nil, read_holds(args, 4), now)
    owe(base, id, now, tonumber(args[3]))
  end
  return { 'OK' }
end

-- epoch, ttl (ms), ids
local function beat(keys, args)
  local base, lost = enter(keys, args, false)
  if not base then return lost end
  local answer, now = { 'OK' }, clock()
  for at = 3, #args do
    local id = args[at]
    local state = redis.call('HGET', base .. 'r:' .. id, 's')
    if not state then
      answer[#answer + 1] = id
    elseif state ~= 'over' then
      if state == 'orphaned' then revive(base, id, load(base, id), now) end
      owe(base, id, now, tonumber(args[2]))
    end
  end
  return answer
end

-- epoch, id, holds
local function settle(keys, args)
  local base, lost, ready = enter(keys, args, false)
  if not base then return lost end
  local id, now = args[2], clock()
  local record = load(base, id)
  if not record then
    note(base, id, ready)
  elseif record.s == 'over' then
    return { 'OK' }
  else
    let_go(base, record, now)
  end
  for _, hold in ipairs(read_holds(args, 3)) do
    move(base .. 'c:' .. hold.place .. ':u', hold.amount, hold.kept, now)
  end
  finish(base, id)
  return { 'OK' }
end

-- epoch, id
local function release(keys, args)
  local base, lost = enter(keys, args, false)
  if not base then return lost end
  local record = load(base, args[2])
  if not record or record.s ~= 'over' then
    if record then let_go(base, record, clock()) end
    finish(base, args[2])
  end
  return { 'OK' }
end

-- epoch, count
local function expire(keys, args)
  local base, lost = enter(keys, args, false)
  if not base then return lost end
  local answer = { 'OK' }
  for _, id in ipairs(sweep(base, clock(), tonumber(args[2]))) do
    answer[#answer + 1] = id
  end
  return answer
end

-- epoch, holds
local function standing(keys, args)
  local base, lost = enter(keys, args, false)
  if not base then return lost end
  return standings(base, read_holds(args, 2))
end

local function attach(keys)
  local found = redis.call('HMGET', keys[1], 'name', 'ready', 'opened')
  if not found[1] then return { 'OK', '', 0, 0, 0 } end
  local lost = witnessed[keys[1]] ~= found[1]
  return { 'OK', found[1], found[2] == '1' and not lost and 1 or 0, lost and 1 or 0, clock() - tonumber(found[3]) }
end

-- the lost epoch, the new one
local function renew(keys, args)
  if (redis.call('HGET', keys[1], 'name') or '') == args[1] then
    redis.call('DEL', keys[1])
    redis.call('HSET', keys[1], 'name', args[2], 'ready', '0', 'opened', int(clock()))
    witnessed[keys[1]] = args[2]
  end
  return { 'OK' }
end

-- epoch
local function adopted(keys, args)
  local base, lost = enter(keys, args, false)
  if not base then return lost end
  local answer = redis.call('SMEMBERS', base .. 'adopted')
  table.insert(answer, 1, 'OK')
  return answer
end

-- epoch, holds
local function restore(keys, args)
  local base, lost, ready = enter(keys, args, false)
  if not base then return lost end
  if ready then return { 'OK', 0 } end
  local now = clock()
  for _, hold in ipairs(read_holds(args, 2)) do
    move(base .. 'c:' .. hold.place .. ':u', hold.amount, hold.kept, now)
  end
  redis.call('HSET', keys[1], 'ready', '1')
  redis.call('DEL', base .. 'adopted')
  return { 'OK', 1 }
end

redis.register_function('gearshift_1_reserve', reserve)
redis.register_function('gearshift_1_extend', extend)
redis.register_function('gearshift_1_adopt', adopt)
redis.register_function('gearshift_1_beat', beat)
redis.register_function('gearshift_1_settle', settle)
redis.register_function('gearshift_1_release', release)
redis.register_function('gearshift_1_expire', expire)
redis.register_function('gearshift_1_standing', standing)
redis.register_function('gearshift_1_attach', attach)
redis.register_function('gearshift_1_renew', renew)
redis.register_function('gearshift_1_adopted', adopted)
redis.register_function('gearshift_1_restore', restore)
