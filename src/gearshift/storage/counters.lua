#!lua name=gearshift_1

-- What `counters.py` says, as one function each: Valkey runs a function from its beginning to its end, so nothing comes
-- in between. Keys: {gs}c:COUNTER (hash: used, held), {gs}r:ID (hash: state, holds), {gs}live (by deadline), {gs}t (time),
-- {gs}epoch (there once counts were restored: without it they have been lost).
-- All keys have one hash tag, so that a cluster keeps them in one slot.

local P = '{gs}'
local REMEMBERED = 86400

local function now()
  local told = redis.call('TIME')
  local at = tonumber(told[1]) + tonumber(told[2]) / 1000000
  local latest = tonumber(redis.call('GET', P .. 't') or '0')
  if at < latest then
    return latest
  end
  redis.call('SET', P .. 't', string.format('%.6f', at))
  return at
end

local function sum(counters)
  local used, held = 0, 0
  for _, counter in ipairs(counters) do
    local found = redis.call('HMGET', P .. 'c:' .. counter, 'used', 'held')
    used = used + tonumber(found[1] or '0')
    held = held + tonumber(found[2] or '0')
  end
  return used, held
end

local function add(hold, used, held)
  local key = P .. 'c:' .. hold.counter
  if used ~= 0 then
    redis.call('HINCRBY', key, 'used', used)
  end
  if held ~= 0 then
    redis.call('HINCRBY', key, 'held', held)
  end
  if hold['end'] then
    redis.call('EXPIREAT', key, math.ceil(hold['end'] + (#hold.counters - 1) * (hold['end'] - hold.begin) + REMEMBERED))
  end
end

local function finish(id, state, holds)
  redis.call('ZREM', P .. 'live', id)
  redis.call('HSET', P .. 'r:' .. id, 'state', state, 'holds', holds)
  redis.call('EXPIRE', P .. 'r:' .. id, REMEMBERED)
end

local function sweep(at)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'live', '-inf', at, 'LIMIT', 0, 100)) do
    local told = redis.call('HGET', P .. 'r:' .. id, 'holds')
    for _, hold in ipairs(cjson.decode(told)) do
      add(hold, hold['end'] and hold.amount or 0, -hold.amount)
    end
    finish(id, 'expired', told)
  end
end

local function standings(holds)
  local told = {}
  for _, hold in ipairs(holds) do
    local used, held = sum(hold.counters)
    table.insert(told, string.format('%.0f', used))
    table.insert(told, string.format('%.0f', held))
  end
  return told
end

redis.register_function('gs1_reserve', function(keys, args)
  local id, ttl, text = args[1], tonumber(args[2]), args[3]
  if redis.call('EXISTS', P .. 'epoch') == 0 then
    return {'lost', '', {}}
  end
  local holds, at = cjson.decode(text), now()
  sweep(at)
  if redis.call('EXISTS', P .. 'r:' .. id) == 1 then
    return {'ok', '', standings(holds)}
  end
  for _, hold in ipairs(holds) do
    if hold.begin and not (hold.begin <= at and at < hold['end']) then
      return {'stale', string.format('%.6f', at), {}}
    end
  end
  for index, hold in ipairs(holds) do
    local used, held = sum(hold.counters)
    if used + held + hold.amount > hold.limit then
      return {'refused', tostring(index - 1), standings(holds)}
    end
  end
  for _, hold in ipairs(holds) do
    add(hold, 0, hold.amount)
  end
  redis.call('HSET', P .. 'r:' .. id, 'state', 'live', 'holds', text)
  redis.call('ZADD', P .. 'live', at + ttl, id)
  return {'ok', '', standings(holds)}
end)

redis.register_function('gs1_settle', function(keys, args)
  local id, amounts, at = args[1], cjson.decode(args[2]), now()
  sweep(at)
  local found = redis.call('HMGET', P .. 'r:' .. id, 'state', 'holds')
  if found[1] ~= 'live' and found[1] ~= 'expired' then
    return 0
  end
  for _, hold in ipairs(cjson.decode(found[2])) do
    local actual = amounts[hold.budget] or hold.amount
    if found[1] == 'live' then
      add(hold, hold['end'] and actual or 0, -hold.amount)
    elseif hold['end'] then
      add(hold, actual - hold.amount, 0)
    end
  end
  finish(id, 'settled', found[2])
  return 1
end)

redis.register_function('gs1_beat', function(keys, args)
  local at, ttl = now(), tonumber(args[1])
  for index = 2, #args do
    redis.call('ZADD', P .. 'live', 'XX', 'GT', at + ttl, args[index])
  end
  return #args - 1
end)

redis.register_function('gs1_restore', function(keys, args)
  for _, each in ipairs(cjson.decode(args[1])) do
    local key = P .. 'c:' .. each[1]
    if tonumber(redis.call('HGET', key, 'used') or '0') < each[2] then
      redis.call('HSET', key, 'used', string.format('%.0f', each[2]))
    end
    redis.call('EXPIREAT', key, math.ceil(each[3] + REMEMBERED))
  end
  redis.call('SET', P .. 'epoch', '1')
  return 1
end)

redis.register_function('gs1_standings', function(keys, args)
  sweep(now())
  return standings(cjson.decode(args[1]))
end)
