import { RedisScript } from '@pharos/redis';

// Records are fields one after another, each its length, a colon, its bytes.
const records = `
local function field(record, wanted)
  local at = 1
  for index = 1, wanted do
    local length, from = string.match(record, '^(%d+):()', at)
    at = from + tonumber(length)
    if index == wanted then return string.sub(record, from, at - 1) end
  end
end
-- Whether a change was asked for before another of the same node.
local function late(id, than)
  local life, number = string.match(id, '^(%w+)%.(%w+)$')
  local other, later = string.match(than, '^(%w+)%.(%w+)$')
  return life ~= nil and life == other and tonumber(number, 36) < tonumber(later, 36)
end
local function prefixed(text) return #text .. ':' .. text end
local function count(user, by)
  if redis.call('HINCRBY', KEYS[2], user, by) <= 0 then redis.call('HDEL', KEYS[2], user) end
end
local function takeOut(client, record, id)
  local leave = prefixed(id) .. record
  redis.call('HDEL', KEYS[1], client)
  count(field(record, 2), -1)
  redis.call('HSET', KEYS[3], client, leave)
  return leave
end
`;

/**
 * Changes one channel. KEYS: members, users, leaving. ARGV, of each change in order: 'j' for join, 'l' for leave, 's' for settle; client; id;
 * of a join the record without its last field. Answers for each {1 where a join is fresh, leave or nil}. What is late changes nothing.
 */
export const changeScript: RedisScript = new RedisScript(
  'presence change',
  `${records}
local members, leaving = KEYS[1], KEYS[3]
local answers = {}
for at = 1, #ARGV, 4 do
  local kind, client, id, record = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local old = redis.call('HGET', members, client)
  local leave = redis.call('HGET', leaving, client)
  local fresh = 0
  if kind == 'j' then
    -- The same join again, whose answer was lost, is told what it would have been.
    if old and late(id, field(old, 4)) then leave = false
    elseif not old and leave and late(id, field(leave, 1)) then
      if field(leave, 5) == id then fresh = tonumber(field(leave, 6)) end
      leave = false
    else
      if not old then
        fresh = 1
        count(field(record, 2), 1)
      else
        if field(old, 4) == id then fresh = tonumber(field(old, 5)) end
        if field(old, 2) ~= field(record, 2) then
          count(field(old, 2), -1)
          count(field(record, 2), 1)
        end
      end
      redis.call('HSET', members, client, record .. '1:' .. fresh)
    end
  elseif kind == 'l' then
    if old and not late(id, field(old, 4)) then leave = takeOut(client, old, id)
    elseif leave and field(leave, 1) ~= id then leave = false end
  else
    if leave and field(leave, 1) == id then redis.call('HDEL', leaving, client) end
    leave = false
  end
  answers[#answers + 1] = {fresh, leave}
end
return answers
`,
);

/** Takes an owner's members out. KEYS: members, users, leaving. ARGV: owner, cursor, what begins the ids of the leaves. Answers the next cursor. */
export const takeOutScript: RedisScript = new RedisScript(
  'presence take out',
  `${records}
local page = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 500)
for index = 1, #page[2], 2 do
  local client, record = page[2][index], page[2][index + 1]
  if field(record, 1) == ARGV[1] then takeOut(client, record, ARGV[3] .. client) end
end
return page[1]
`,
);

/** Reads the leaves that an owner owes. KEYS: leaving. ARGV: owner, cursor. Answers {next cursor, {client, leave, …}}. */
export const owedScript: RedisScript = new RedisScript(
  'presence owed leaves',
  `${records}
local page = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 500)
local owed = {}
for index = 1, #page[2], 2 do
  if field(page[2][index + 1], 2) == ARGV[1] then
    owed[#owed + 1] = page[2][index]
    owed[#owed + 1] = page[2][index + 1]
  end
end
return {page[1], owed}
`,
);

/** A page of members. KEYS: members. ARGV: cursor, how many there may be. Answers {next cursor, {client, member, …}}, or {} where there are more. */
export const membersScript: RedisScript = new RedisScript(
  'presence members',
  `
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then return {} end
return redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000)
`,
);

/** Counts. KEYS: members, users. */
export const statsScript: RedisScript = new RedisScript(
  'presence stats',
  "return {redis.call('HLEN', KEYS[1]), redis.call('HLEN', KEYS[2])}",
);

/** Takes a lease where there is no tombstone. KEYS: lease, tombstone. ARGV: about, milliseconds. Answers 1 where it has it. */
export const acquireScript: RedisScript = new RedisScript(
  'presence acquire',
  `
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`,
);

/** Writes a tombstone where there is no lease. KEYS: lease, tombstone. ARGV: milliseconds that it stays. Answers 1 where it is there. */
export const buryScript: RedisScript = new RedisScript(
  'presence bury',
  `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
return 1
`,
);
