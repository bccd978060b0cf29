"""A script that trains it: no functions to speak of, what is made once is used far below."""

import contextlib
import time

import torch
from decoder import Config, Decoder
from torch.utils.data import DataLoader, TensorDataset

config = Config(depth=1)
device = "cuda" if torch.cuda.is_available() else "cpu"
text = torch.randint(0, config.words, (10_000,)).long()
start = "scratch"


def batch(size=4):
    places = torch.randint(len(text) - 9, (size,))
    x = torch.stack([text[place : place + 8] for place in places.tolist()])
    y = torch.stack([text[place + 1 : place + 9] for place in places.tolist()])
    if device == "cuda":
        return x.pin_memory().to(device, non_blocking=True), y.pin_memory().to(device, non_blocking=True)
    return x.to(device), y.to(device)


if start == "scratch":
    model = Decoder(config)
else:
    model = Decoder.small()
model.to(device)
optimizer = model.optimizer(1e-3)
context = torch.autocast(device_type=device) if device == "cuda" else contextlib.nullcontext()


@torch.no_grad()
def estimate():
    model.eval()
    losses = torch.zeros(10)
    for k in range(10):
        x, y = batch()
        logits, loss = model(x, y)
        losses[k] = loss.item()
    model.train()
    return losses.mean()


began = time.time()
for step in range(100):
    x, y = batch()
    with context:
        logits, loss = model(x, y)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if norm.isfinite():
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if step % 10 == 0:
        mean = estimate().item()
        best, places = logits[:, -1].max(dim=-1)
        print(step, mean, best.mean().item(), places.tolist(), time.time() - began)

loader = DataLoader(TensorDataset(text), batch_size=4)
for (tokens,) in loader:
    print(tokens.sum())
torch.save(model.state_dict(), "model.pt")
print(model.generate(text[:8].unsqueeze(0), 5).squeeze(0).tolist())

# ruff: noqa
