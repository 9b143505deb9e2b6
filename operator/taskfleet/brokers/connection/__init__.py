"""How a broker is reached: its address, its credentials, TLS, and one connection of each kind."""
