"""What computes: backend, device, precision, and this computer."""
