"""systemd's notify protocol."""
