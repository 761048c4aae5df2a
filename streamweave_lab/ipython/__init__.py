"""The %weave magic, and an orderly end when a kernel shuts down."""
