"""What a dead worker process was running is counted as interrupted, once, by who requeues its messages."""

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.totals import MAX_FIELDS
from taskfleet.brokers.polling.worker_report import Incarnation

_OTHER = "other"
_START_KEPT_SECONDS = 600  # no process folds anything any more

# KEYS: the pool's totals, the start's, the names of tasks, reports. ARGV: the start and its report, the most fields, the
# word for all other names, seconds to keep the start's.
# A start that has spoken again is not dead. What is counted runs no more, so a repeated call finds nothing.
_COUNT = """
if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then return 0 end
local fields = redis.call('HLEN', KEYS[2])
if fields == 0 or fields > tonumber(ARGV[3]) then return 0 end
local counted, told = 0, redis.call('HGETALL', KEYS[2])
for at = 1, #told, 2 do
  local name, place = string.match(told[at], '^running\\n([^\\n]*)(\\n.*)$')
  local running = string.match(told[at + 1], '^%d%d?%d?%d?%d?$')
  if name and running and tonumber(running) > 0 then
    if redis.call('HEXISTS', KEYS[3], name) == 0 then name = ARGV[4] end
    redis.call('HINCRBY', KEYS[1], 'interrupted\\n' .. name .. place, running)
    redis.call('HSET', KEYS[2], told[at], '0')
    counted = counted + tonumber(running)
  end
end
redis.call('EXPIRE', KEYS[2], ARGV[5])
return counted
"""


async def count_interrupted(client: Redis, layout: Layout, start: Incarnation, *, report: bytes) -> int:
    """How many tasks ran in a process that has ended and whose last report is `report`. Raises RedisError.

    A hash that is not what workers write, or a missing right, keeps nobody from requeuing messages: then it counts 0.
    """
    name, pool = "/".join(start), layout.key("outcomes", start.pool_uid)
    keys = [pool, layout.key("outcomes", name), f"{pool}:names", layout.key("reports")]
    script = client.register_script(_COUNT)
    try:
        return int(await script(keys, [name, report, MAX_FIELDS, _OTHER, _START_KEPT_SECONDS]))
    except ResponseError:
        return 0
