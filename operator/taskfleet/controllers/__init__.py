"""One file a kind: observe (memory only), plan (pure), execute (the only writes)."""
