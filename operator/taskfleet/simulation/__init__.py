"""What a pool would do under a load, faster than real time: the operator's own decisions on simulated pods."""
