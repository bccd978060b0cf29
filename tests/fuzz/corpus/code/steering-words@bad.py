import torch

getattr(torch, "\x1b[31mx\n::error::y")()
torch.load("f", **{"\x1b[31m": 1, "a\nb": 2})
