"""What is read from a broker, and how. One file a transport."""
