"""`kubectl taskfleet ui`: a page on 127.0.0.1 that shows and does what its user may, by a child `kubectl proxy`."""
