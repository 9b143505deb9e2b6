"""PeriodicSchedules in Redis: entries that beat reads, and the state that it writes."""
