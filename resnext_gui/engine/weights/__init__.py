"""Weights from anywhere: read, vetted, downloaded, and made into networks."""
