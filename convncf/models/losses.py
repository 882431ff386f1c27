"""What training minimises: the pairwise BPR loss, and the two forms of L2 penalty.

Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009; He et al., IJCAI 2018,
section "Learning ONCF for Personalized Ranking".
Shapes: B triples (user, positive, negative).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class ConvNCFBPRLoss(nn.Module):
    """Σ -ln σ(pos - neg) = Σ softplus(neg - pos): small when each positive scores well above its negative.

    Called with the scores of B positives and their B negatives, (B,) and (B,), it returns the sum, of shape [].

    Example:
        >>> import convncf, torch
        >>> round(float(convncf.ConvNCFBPRLoss()(torch.tensor([1.0]), torch.tensor([1.0]))), 4)
        0.6931
    """

    def forward(self, pos_score: Tensor, neg_score: Tensor) -> Tensor:
        """Scores of positives and negatives, (B,) and (B,) -> the sum over the batch, shape []."""
        gap = pos_score - neg_score  # (B,)
        # exp overflows at a gap of -89; from -20 on softplus(-gap) is -gap in all digits of float32. Not F.softplus:
        # its gradient rounds in another place than RecBole's, and where those of positives and negatives nearly
        # cancel, the difference shows in a filter's gradient.
        near = gap.clamp(min=-20.0)
        return torch.where(gap < -20.0, -gap, torch.log1p(torch.exp(-near))).sum()


def sum_of_norms(tensors: Iterable[Tensor]) -> Tensor:
    """Σ ‖T‖₂ over whole tensors, un-squared, as RecBole penalises them; shape []."""
    return torch.stack([torch.linalg.vector_norm(tensor) for tensor in tensors]).sum()


def squared_norm(tensors: Iterable[Tensor]) -> Tensor:
    """Σ ‖T‖₂² over tensors, as in the paper's λ‖Θ‖²; a sum, so a batch twice as large is penalised twice; shape []."""
    return torch.stack([tensor.square().sum() for tensor in tensors]).sum()
