"""Events in, keys out: what changed in the cluster becomes work, once."""
