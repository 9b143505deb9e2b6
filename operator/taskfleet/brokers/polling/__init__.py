"""What is read from a broker again and again, and how often."""
