"""Building blocks that the pages share."""
