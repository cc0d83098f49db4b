"""Causal self-attention over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

POSITION_SD = 0.02


class CausalTransformer(nn.Module):
    """Pre-norm transformer encoder with learned positions; a step attends to itself and to what came before.

    Args:
        width: Size of a token.
        layers: Number of blocks.
        heads: Attention heads; divides ``width``.
        dropout: Dropout in the blocks.
        window_bins: The longest series it is given.
    """

    def __init__(self, *, width: int, layers: int, heads: int, dropout: float, window_bins: int) -> None:
        super().__init__()
        self.position = nn.Parameter(POSITION_SD * torch.randn(window_bins, width))
        block = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """``[series, time, width]`` to the same shape."""
        time = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(time, device=tokens.device)
        states: Tensor = self.blocks(tokens + self.position[:time], mask=mask, is_causal=True)
        return states
