"""What lost workers held goes back to its queue, once, and what killed its workers too often is a dead letter."""
