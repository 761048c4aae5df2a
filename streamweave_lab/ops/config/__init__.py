"""Configuration in operation: history, watching, validation."""
