"""The numbers of a Status for Prometheus and OpenTelemetry."""
