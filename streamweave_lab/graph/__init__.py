"""The drawing: nodes, ports, edges and graphs as frozen values, and how they are shown."""
