"""Everything a page may ask for or hear of."""
