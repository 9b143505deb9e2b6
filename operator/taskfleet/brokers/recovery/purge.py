"""Removing what waits in a queue, once for each token."""

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout

_REMEMBERED_SECONDS = 7 * 24 * 3600

# KEYS: the request, the queue's lists. ARGV: token, seconds to remember it.
# The number of messages is stored with the token, so that a lost reply can be read again. It is stored first: a refusal
# at the removal of messages would otherwise remove later ones as well. That UNLINK is allowed shows in the old request.
# UNLINK frees the memory of a long list without keeping others waiting.
_PURGE = """
local known = redis.call('HMGET', KEYS[1], 'token', 'messages')
if known[1] == ARGV[1] then return tonumber(known[2]) end
local messages = 0
for at = 2, #KEYS do
  messages = messages + redis.call('LLEN', KEYS[at])
end
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'messages', messages)
for at = 2, #KEYS do redis.call('UNLINK', KEYS[at]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return messages
"""


async def purge(client: Redis, layout: Layout, queue: str, *, token: str, owner_uid: str) -> int:
    """Remove what waits, all priorities; how many messages that were. The same token again removes nothing."""
    keys = [layout.key("purge", owner_uid), *layout.lists(queue)]
    return int(await client.register_script(_PURGE)(keys, [token, _REMEMBERED_SECONDS]))
