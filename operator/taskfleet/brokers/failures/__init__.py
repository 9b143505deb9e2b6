"""Failed tasks: the records that workers keep in Redis, read, retried and forgotten."""
