"""The photographs themselves: grid, tiles, loupe."""
