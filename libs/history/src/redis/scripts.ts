import { RedisScript } from '@pharos/redis';

// Offsets go up to 2^53, and Lua writes large numbers as 1e+15: `whole` writes all digits.
const common = `
local function whole(number) return string.format('%.0f', number) end
`;

// Forgets channels that are past their time. What they had can't be told any more, so the floor rises first.
const forget = `
local function forget(channels, forgetting, floor, now, most)
  local due = redis.call('ZRANGEBYSCORE', forgetting, '-inf', now, 'LIMIT', 0, most)
  for _, channel in ipairs(due) do
    local known = redis.call('HGET', channels, channel)
    if known then
      local top, removed = string.match(known, '^(%d+) %d+ ?(%d*)$')
      floor = math.max(floor, tonumber(top))
      if removed == '' then redis.call('HDEL', channels, channel)
      else redis.call('HSET', channels, channel, '0 0 ' .. removed) end
    end
    redis.call('ZREM', forgetting, channel)
  end
  return floor, #due
end
`;

/**
 * Writes a batch. KEYS: lane, channels, forget, then the stream of each channel. ARGV: previous watermark, new watermark, new floor,
 * now, how long an idle lane is kept, the position of the message at the new watermark ('' for none), the namespaces that the lane has, before and after ('': not
 * looked at); then for each channel its name, size (-1: the batch has no publication of it), ttl, meta ttl, number
 * of entries, and of each entry its offset, its time ('r' for a removal), data and properties.
 * Answers {1, watermark, floor}, or {0, watermark or nil} where the lane's watermark isn't the previous one, or its namespaces are others.
 */
export const appendScript: RedisScript = new RedisScript(
  'history append',
  `${common}${forget}
local lane, channels, forgetting = KEYS[1], KEYS[2], KEYS[3]
local watermark = redis.call('HGET', lane, 'w')
if watermark ~= ARGV[1] then return {0, watermark} end
if ARGV[7] ~= '' and redis.call('HGET', lane, 'n') ~= ARGV[7] then return {0, watermark} end
if ARGV[8] ~= '' then redis.call('HSET', lane, 'n', ARGV[8]) end
local now = tonumber(ARGV[4])
local floor = forget(channels, forgetting, tonumber(redis.call('HGET', lane, 'f')), now, 64)

-- Takes out what is too old and what is too much, both from the front; answers the highest offset that was taken out.
local function trim(stream, size, oldest, trimmed)
  local function cut(id)
    trimmed = tonumber(string.match(id, '^%d+'))
    redis.call('XTRIM', stream, 'MINID', whole(trimmed + 1))
  end
  local count = 1
  while true do
    local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', count)
    local old = nil
    for _, entry in ipairs(first) do
      if tonumber(entry[2][2]) >= oldest then break end
      old = entry[1]
    end
    if not old then break end
    cut(old)
    if old ~= first[#first][1] then break end
    count = math.min(count * 2, 64)
  end
  local excess = redis.call('XLEN', stream) - size
  if excess > 0 then
    local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', excess)
    cut(first[#first][1])
  end
  return trimmed
end

local at = 9
for index = 4, #KEYS do
  local stream, channel = KEYS[index], ARGV[at]
  local size, ttl, metaTtl, count = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 5
  local known = redis.call('HGET', channels, channel)
  local top, trimmed, removed = 0, 0, ''
  if known then
    top, trimmed, removed = string.match(known, '^(%d+) (%d+) ?(%d*)$')
    top, trimmed = tonumber(top), tonumber(trimmed)
  end
  -- Of a time that the lane no longer knows of: before a rebuild, or forgotten.
  if top == 0 then redis.call('DEL', stream)
  -- It expired as a whole, with all that it held.
  elseif redis.call('EXISTS', stream) == 0 then trimmed = top end
  local last = nil
  for entry = 1, count do
    local id, time = ARGV[at], ARGV[at + 1]
    local offset = tonumber(id)
    if time == 'r' then
      if top > 0 then trimmed = top end
      removed = id
      redis.call('DEL', stream)
    else
      if count - entry >= size then
        -- What follows in this batch would push it out again.
        trimmed = offset
      elseif ARGV[at + 3] == '' then
        redis.call('XADD', stream, id .. '-0', 't', time, 'd', ARGV[at + 2])
      else
        redis.call('XADD', stream, id .. '-0', 't', time, 'd', ARGV[at + 2], 'p', ARGV[at + 3])
      end
      top, last = offset, tonumber(time)
    end
    at = at + 4
  end
  if last then
    redis.call('XTRIM', stream, 'MINID', whole(trimmed + 1))
    trimmed = trim(stream, size, now - ttl, trimmed)
    if redis.call('XLEN', stream) == 0 then
      redis.call('DEL', stream)
    else
      -- A minute more than it may be read: readers look at the age themselves, by clocks that may differ.
      redis.call('PEXPIRE', stream, whole(math.max(0, last + ttl - now) + 60000))
    end
    redis.call('ZADD', forgetting, whole(now + metaTtl), channel)
  end
  if top > 0 or removed ~= '' then
    local entry = whole(top) .. ' ' .. whole(trimmed)
    if removed ~= '' then entry = entry .. ' ' .. removed end
    redis.call('HSET', channels, channel, entry)
  end
end

local before, proposed = tonumber(watermark), tonumber(ARGV[2])
local after = whole(math.max(before, proposed))
floor = whole(math.max(floor, tonumber(ARGV[3])))
redis.call('HSET', lane, 'w', after, 'f', floor)
if proposed >= before and ARGV[6] ~= '' then redis.call('HSET', lane, 'p', ARGV[6])
elseif proposed > before then redis.call('HDEL', lane, 'p') end
for index = 1, 3 do redis.call('PEXPIRE', KEYS[index], ARGV[5]) end
return {1, after, floor}
`,
);

/**
 * Begins a lane anew. KEYS: lane, channels, forget. ARGV: previous watermark ('' for none), floor, how long an idle lane is kept, epoch, log,
 * the namespaces that it will have ('': not said).
 * Answers like the append. Streams of before stay until they expire: without their channel's entry nobody looks at them.
 */
export const rebuildScript: RedisScript = new RedisScript(
  'history rebuild',
  `
local watermark = redis.call('HGET', KEYS[1], 'w')
if (watermark or '') ~= ARGV[1] then return {0, watermark} end
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'w', ARGV[2], 'f', ARGV[2], 'epoch', ARGV[4], 'log', ARGV[5])
-- It was that of another watermark.
redis.call('HDEL', KEYS[1], 'p', 'n')
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'n', ARGV[6]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {1, ARGV[2], ARGV[2]}
`,
);

/**
 * Forgets channels. KEYS: lane, channels, forget. ARGV: now, how long an idle lane is kept, how many at most.
 * Answers {watermark, floor, how many were forgotten}; nil where the lane isn't known.
 */
export const tidyScript: RedisScript = new RedisScript(
  'history tidy',
  `${common}${forget}
local state = redis.call('HMGET', KEYS[1], 'w', 'f')
if not state[1] then return nil end
local floor, count = forget(KEYS[2], KEYS[3], tonumber(state[2]), ARGV[1], tonumber(ARGV[3]))
floor = whole(floor)
redis.call('HSET', KEYS[1], 'f', floor)
for index = 1, 3 do redis.call('PEXPIRE', KEYS[index], ARGV[2]) end
return {state[1], floor, count}
`,
);

/**
 * Reads what clients missed. KEYS: lane, channels, then the stream of each question. ARGV: bytes of data after which to stop, then of each
 * question its channel, offset and size. Answers {watermark, floor, answers, namespaces}, or nil; an answer is a list of stream entries or a reason.
 * There may be fewer answers than questions, never none.
 */
export const recoverScript: RedisScript = new RedisScript(
  'history recover',
  `
local state = redis.call('HMGET', KEYS[1], 'w', 'f', 'n')
if not state[1] then return nil end
local floor, left, answers = tonumber(state[2]), tonumber(ARGV[1]), {}

local function missed(stream, channel, from, size)
  local offset = tonumber(from)
  if offset < floor then return 'floor' end
  local known = redis.call('HGET', KEYS[2], channel)
  if not known then return {} end
  local top, trimmed = string.match(known, '^(%d+) (%d+)')
  if offset < tonumber(trimmed) then return 'trimmed' end
  if offset >= tonumber(top) then return {} end
  local entries = redis.call('XRANGE', stream, '(' .. from .. '-0', '+', 'COUNT', size + 1)
  -- The stream has expired as a whole.
  if #entries == 0 then return 'trimmed' end
  if #entries > size then return 'too-many' end
  for _, entry in ipairs(entries) do left = left - #entry[2][4] end
  return entries
end

for index = 3, #KEYS do
  if left <= 0 then break end
  local at = 2 + (index - 3) * 3
  answers[index - 2] = missed(KEYS[index], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]))
end
return {state[1], state[2], answers, state[3]}
`,
);

/**
 * Reads a page. KEYS: lane, channels, stream. ARGV: channel, size, oldest time, since ('' for none), 1 for reverse, limit (-1 for none), bytes
 * of data after which to stop. Answers {watermark, floor, top, highest offset that isn't shown, 1 where more follows, entries,
 * offset of the last removal, namespaces}, or nil.
 */
export const pageScript: RedisScript = new RedisScript(
  'history page',
  `${common}
local stream, size, oldest, since = KEYS[3], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local reverse, limit, most = ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local state = redis.call('HMGET', KEYS[1], 'w', 'f', 'n')
if not state[1] then return nil end
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return {state[1], state[2], '0', '0', 0, {}, '0', state[3]} end
local top, hidden, removed = string.match(known, '^(%d+) (%d+) ?(%d*)$')
if removed == '' then removed = '0' end
local length = redis.call('XLEN', stream)

local function hide(id) hidden = string.match(id, '^%d+') end

-- The first entry that the limits let be seen.
local function first()
  if size == 0 then return nil end
  local from = '-'
  if length > size then
    local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', size + 1)
    hide(newest[size + 1][1])
    from = newest[size][1]
  end
  local count = 1
  while true do
    local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', count)
    for _, entry in ipairs(entries) do
      if tonumber(entry[2][2]) >= oldest then return entry[1] end
      hide(entry[1])
    end
    if #entries < count then return nil end
    from = '(' .. entries[#entries][1]
    count = math.min(count * 2, 64)
  end
end

local low = first()
if not low then hidden = top end
local page, bytes, more = {}, 0, 0
local from, to = low, '+'
if reverse and since == '0' then low = nil end
if low and since ~= '' then
  -- In full: an end without its second part is the last id of all that begin like it.
  if reverse then to = '(' .. since .. '-0'
  elseif tonumber(since) >= tonumber(string.match(low, '^%d+')) then from = '(' .. since .. '-0' end
end
while low and limit ~= 0 and more == 0 do
  local want = 64
  if limit > 0 then want = math.min(want, limit + 1 - #page) end
  local entries
  if reverse then entries = redis.call('XREVRANGE', stream, to, low, 'COUNT', want)
  else entries = redis.call('XRANGE', stream, from, '+', 'COUNT', want) end
  for _, entry in ipairs(entries) do
    if #page == limit or (#page > 0 and bytes >= most) then
      more = 1
      break
    end
    page[#page + 1] = entry
    bytes = bytes + #entry[2][4]
  end
  if #entries < want then break end
  local last = '(' .. entries[#entries][1]
  from, to = last, last
end
return {state[1], state[2], top, hidden, more, page, removed, state[3]}
`,
);
