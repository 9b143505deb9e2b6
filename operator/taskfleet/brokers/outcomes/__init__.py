"""What became of tasks: the totals that workers keep in Redis, read and exported."""
