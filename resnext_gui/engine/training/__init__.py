"""Stage two: a run, from its plan to the network that is kept."""
