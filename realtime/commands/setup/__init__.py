"""Before the first run: what works here, what is fetched, who may listen, how the camera stands."""
