"""ResNeXt and its layers."""
