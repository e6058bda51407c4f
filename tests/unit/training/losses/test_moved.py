"""What the flow of a decoder is taught by."""

import torch
from torch import Tensor

from support.networks import normal
from tooncrafter_core.training.losses.moved import moved_loss


def clip(per_frame: int) -> Tensor:
    """``1 3 5 32 48`` in which everything goes to the right, so many pixels a frame."""
    world = torch.nn.functional.interpolate(normal(1, 3, 8, 24).tanh(), scale_factor=4.0)
    frames = [world[..., 40 - per_frame * t : 88 - per_frame * t] for t in range(5)]
    return torch.stack(frames, dim=2)


def flow(per_frame: float, height: int, width: int) -> Tensor:
    """``5 4 h w``, in cells: where each frame's cells were in the first and are in the last."""
    cells = per_frame * width / 48
    times = torch.arange(5.0)
    right = torch.stack([-cells * times, 0 * times, cells * (4 - times), 0 * times], dim=1)
    return right[..., None, None].expand(-1, -1, height, width).clone()


def test_true_flow_costs_least_at_every_level() -> None:
    for height, width in ((8, 12), (16, 24), (32, 48)):
        costs = [float(moved_loss([flow(speed, height, width)], clip(4))) for speed in (0, 2, 4, 6)]
        assert costs[2] < 0.6 * min(costs[0], costs[1], costs[3])


def test_gradients_lead_towards_it() -> None:
    guess = flow(2.5, 8, 12).requires_grad_()
    moved_loss([guess], clip(4)).backward()
    assert guess.grad is not None
    # Too small a flow is to become larger: to the left in the first, to the right in the last.
    assert guess.grad[2, 0].mean() > 0 > guess.grad[2, 2].mean()


def test_levels_and_clips_count_alike() -> None:
    flows = [flow(speed, *size) for speed in (4, 1) for size in ((8, 12), (16, 24))]
    both = moved_loss(flows, torch.cat([clip(4), clip(1)]))
    alone = [moved_loss([one], clip(speed)) for one, speed in zip(flows, (4, 4, 1, 1), strict=True)]
    torch.testing.assert_close(both, torch.stack(alone).mean())


def test_unsteady_flow_costs_more_where_pictures_do_not_decide() -> None:
    plain = torch.zeros(1, 3, 5, 32, 48)
    steady = moved_loss([flow(2, 8, 12)], plain)
    unsteady = moved_loss([flow(2, 8, 12) + normal(5, 4, 8, 12)], plain)
    assert steady == 0 and unsteady > 0
