"""Self-attention, over time or between tokens of a set."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.errors import UserError

POSITION_SD = 0.02


class CausalTransformer(nn.Module):
    """Pre-norm transformer encoder with learned positions; a step attends to itself and to earlier steps.

    Args:
        width: Size of a token.
        layers: Number of blocks.
        heads: Attention heads; divides ``width``.
        dropout: Dropout on the output of each block.
        window_bins: Length of the longest series.
    """

    def __init__(self, *, width: int, layers: int, heads: int, dropout: float, window_bins: int) -> None:
        super().__init__()
        self.position = nn.Parameter(POSITION_SD * torch.randn(window_bins, width))
        self.blocks = nn.Sequential(
            *(AttentionBlock(width=width, heads=heads, dropout=dropout, causal=True) for _ in range(layers))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """``[series, time, width]`` to the same shape."""
        states: Tensor = self.norm(self.blocks(tokens + self.position[: tokens.shape[1]]))
        return states


class AttentionBlock(nn.Module):
    """Attention, then an MLP on each token.

    Written out because ``nn.TransformerEncoderLayer`` applies dropout to attention weights, which rules out the fused
    kernel. This version is faster on a CPU, where a shared decoder runs thousands of short series per step.

    Args:
        width: Size of a token.
        heads: Attention heads; divides ``width``.
        dropout: Dropout on the values that are added to a token.
        causal: Whether a token attends to itself and earlier tokens alone.
    """

    def __init__(self, *, width: int, heads: int, dropout: float, causal: bool) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise UserError(f"a transformer's width must be a multiple of its heads, got {width} and {heads}")
        self._heads, self._causal = heads, causal
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """``[series, tokens, width]`` to the same shape."""
        joint = self.query_key_value(self.attention_norm(tokens)).unflatten(-1, (3, self._heads, -1))
        query, key, value = joint.permute(2, 0, 3, 1, 4)  # [series, heads, tokens, width of a head] each
        heads = F.scaled_dot_product_attention(query, key, value, is_causal=self._causal)
        tokens = tokens + self.dropout(self.attended(heads.transpose(1, 2).flatten(2)))
        states: Tensor = tokens + self.dropout(self.mlp(tokens))
        return states
