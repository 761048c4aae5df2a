"""Manifests and units, written from a graph and its configuration: values in, text out; nothing is applied."""
