"""The form of a message that returns to its queue: always the same, and as in the worker's own code.

It is marked as redelivered, as kombu marks what it restores, and carries how often it was lost together with its worker.
Both are in the message's envelope and not in its headers, which tasks copy into their retries.
"""

MAX_REDELIVERIES = 5  # as in taskfleet_worker/deliveries.py: then the message is dead-lettered
LOSSES = "taskfleet-losses"
REASON = "taskfleet-reason"  # as in taskfleet_worker/deliveries.py: why no worker could take a message in

# `marked(message)` marks a message of any size within Redis, `counted(message, losses)` gives it its count,
# `uncounted(message)` removes that and `unexplained(message)` the reason of a dead letter; `message_in(value)` takes a
# message out of kombu's record. Texts are cut, not read and
# written again: cjson would turn empty lists into objects. What is no message of kombu's stays as it is.
MARKED = r"""
local function value_end(text, at)
  local first = string.sub(text, at, at)
  if first == '"' then
    local stop = string.find(text, '["\\]', at + 1)
    while string.sub(text, stop, stop) ~= '"' do stop = string.find(text, '["\\]', stop + 2) end
    return stop
  elseif first ~= '{' and first ~= '[' then
    return select(2, string.find(text, '^[^,%]}%s]+', at))
  end
  local depth, stop = 1, at
  while depth > 0 do
    stop = string.find(text, '["{}%[%]]', stop + 1)
    local found = string.sub(text, stop, stop)
    if found == '"' then stop = value_end(text, stop)
    elseif found == '{' or found == '[' then depth = depth + 1
    else depth = depth - 1 end
  end
  return stop
end

local function member(text, object, name)
  assert(object and string.sub(text, object, object) == '{')
  local at = string.match(text, '^{%s*()"', object)
  while at do
    local key_end = value_end(text, at)
    local value = string.match(text, '^%s*:%s*()', key_end + 1)
    local stop = value_end(text, value)
    if string.sub(text, at + 1, key_end - 1) == name then return value, stop end
    at = string.match(text, '^%s*,%s*()"', stop + 1)
  end
end

local function with_member(text, object, name, value)
  local at, stop = member(text, object, name)
  if at then return string.sub(text, 1, at - 1) .. value .. string.sub(text, stop + 1) end
  local comma = string.find(text, '^{%s*}', object) and '' or ', '
  return string.sub(text, 1, object) .. '"' .. name .. '": ' .. value .. comma .. string.sub(text, object + 1)
end

local function marked(message)
  local read, text = pcall(function()
    local properties = member(message, 1, 'properties')
    local info = member(message, properties, 'delivery_info')
    if not info then return with_member(message, properties, 'delivery_info', '{"redelivered": true}') end
    return with_member(message, info, 'redelivered', 'true')
  end)
  return read and text or message
end

local function uncounted(message)
  return (string.gsub(message, '^{%s*"taskfleet%-losses":%s*%d+,%s*', '{'))
end

local function unexplained(message)
  local read, text = pcall(function()
    local at, stop = member(message, 1, 'taskfleet-reason')
    if not at then return message end
    local before = string.gsub(string.sub(message, 1, at - 1), '"taskfleet%-reason"%s*:%s*$', '')
    local after, others = string.gsub(string.sub(message, stop + 1), '^%s*,%s*', '')
    if others == 0 then before = string.gsub(before, ',%s*$', '') end
    return before .. after
  end)
  return read and text or message
end

-- What stands in `unacked` is [message, exchange, routing key].
local function message_in(value)
  local read, message = pcall(function()
    local at = string.match(value, '^%[%s*()')
    local stop = value_end(value, at)
    assert(string.find(value, '^%s*,', stop + 1))
    return string.sub(value, at, stop)
  end)
  return read and string.find(message, '^{') and message or nil
end

local function counted(message, losses)
  if losses == '0' then return uncounted(message) end
  return with_member(uncounted(message), 1, 'taskfleet-losses', losses)
end
"""
