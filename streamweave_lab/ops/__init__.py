"""Operating a run from outside: probes, metrics, logs."""
