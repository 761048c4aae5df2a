"""Settings: read from files and the environment, validated as a whole, changed while a run goes on."""
