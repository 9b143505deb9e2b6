"""Spans of the operator, sent to an OpenTelemetry collector over HTTP in JSON."""
