"""Why a run is as it is, in sentences made from its Status."""
