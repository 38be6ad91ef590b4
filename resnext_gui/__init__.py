"""ResNeXt GUI: an image classifier for people who do not program."""

__version__ = "0.1.0"
