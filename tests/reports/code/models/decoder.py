"""A small language model in the manner of tutorials: parameters of `forward` without annotations, layers in dicts."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    width: int = 64
    heads: int = 4
    depth: int = 2
    words: int = 256
    length: int = 128
    dropout: float = 0.0


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.dropout = nn.Dropout(config.dropout)
        ones = torch.ones(config.length, config.length)
        self.register_buffer("mask", torch.tril(ones).view(1, 1, config.length, config.length))

    def forward(self, x):
        batch, length, width = x.size()
        q, k, v = self.qkv(x).split(width, dim=2)
        q = q.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        k = k.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        v = v.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        scores = scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-inf"))
        scores = self.dropout(F.softmax(scores, dim=-1))
        y = (scores @ v).transpose(1, 2).contiguous().view(batch, length, width)
        return self.dropout(self.out(y))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.hidden = nn.Sequential(nn.Linear(config.width, 4 * config.width), nn.GELU(), nn.Linear(256, config.width))

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.hidden(x).to(x.dtype)


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.parts = nn.ModuleDict(
            dict(
                words=nn.Embedding(config.words, config.width),
                places=nn.Embedding(config.length, config.width),
                blocks=nn.ModuleList([Block(config) for _ in range(config.depth)]),
                norm=nn.LayerNorm(config.width),
            )
        )
        self.head = nn.Linear(config.width, config.words, bias=False)
        for name, p in self.named_parameters():
            if name.endswith("out.weight"):
                p.detach().normal_(0.0, 0.02)
        self.size = sum(p.numel() for p in self.parameters())

    def forward(self, tokens, targets=None):
        places = torch.arange(0, 8).unsqueeze(0)
        x = self.parts.words(tokens) + self.parts.places(places)
        for block in self.parts.blocks:
            x = block(x)
        logits = self.head(self.parts.norm(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss

    @classmethod
    def small(cls, width=32):
        model = cls(Config(width=width))
        state = {key: value for key, value in model.state_dict().items() if not key.endswith(".mask")}
        for key, value in state.items():
            value.copy_(torch.zeros(1).expand(value.shape))
        return model

    def optimizer(self, rate):
        wanted = {name: p for name, p in self.named_parameters() if p.requires_grad}
        decay = [p for name, p in wanted.items() if p.dim() >= 2]
        plain = [p for name, p in wanted.items() if p.dim() < 2]
        count = sum(p.numel() for p in decay) + sum(p.numel() for p in plain)
        print(f"{count:,} parameters")
        return torch.optim.AdamW([{"params": decay}, {"params": plain, "weight_decay": 0.0}], lr=rate)

    @torch.no_grad()
    def generate(self, tokens: torch.Tensor, count: int, top: int | None = None) -> torch.Tensor:
        for _ in range(count):
            seen = tokens if tokens.size(1) <= self.config.length else tokens[:, -self.config.length :]
            logits, _ = self(seen)
            logits = logits[:, -1, :].float()
            if top is not None:
                values, _ = torch.topk(logits, min(top, logits.size(-1)))
                logits = logits.masked_fill(logits < values[:, [-1]], float("-inf"))
            chances = F.softmax(logits, dim=-1).clamp(min=0)
            following = torch.multinomial(chances, num_samples=1)
            tokens = torch.cat((tokens, following), dim=1).contiguous()
        return tokens


# ruff: noqa
