"""What PyTorch's documentation promises, proven on your machine, your release and your device."""

__version__ = "0.1.0"
