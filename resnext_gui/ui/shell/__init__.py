"""The frame around the pages."""
