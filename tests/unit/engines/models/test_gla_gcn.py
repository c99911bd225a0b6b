"""The paper's model: sizes, odd strides, skeletons, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from engines.models.graph import skeleton_graphs


def test_seventeen_joint_graphs_follow_the_tree() -> None:
    identity, inward, outward = skeleton_graphs(17)
    assert np.array_equal(identity, np.eye(17))
    assert inward[:, 13] == pytest.approx(np.eye(17)[12])  # the left wrist hangs on the left elbow
    assert outward[:, 8] == pytest.approx(np.isin(np.arange(17), (9, 11, 14)) / 3)  # the thorax has three children


def test_fifteen_joint_graphs_follow_the_edges() -> None:
    identity, inward, outward = skeleton_graphs(15)
    assert np.array_equal(identity, np.eye(15))
    assert inward[:, 1] == pytest.approx(np.isin(np.arange(15), (2, 5, 0)) / 3)  # joint 1 has three parents
    assert outward[:, 0] == pytest.approx(np.eye(15)[1])  # and is the one child of joint 0
    sums = np.concatenate((inward.sum(0), outward.sum(0)))
    assert sums == pytest.approx(np.ceil(sums))
    assert (inward > 0).sum() == (outward > 0).sum() == 14
    with pytest.raises(ValueError, match="15, 17"):
        skeleton_graphs(16)


@pytest.mark.parametrize(
    ("widths", "joints", "head"),
    [((3, 3, 3), 17, "shared"), ((3, 5, 7), 17, "individual"), ((5,), 15, "shared"), ((1, 3), 15, "individual")],
)
def test_window_of_any_odd_widths_gives_one_pose(widths: tuple[int, ...], joints: int, head: str) -> None:
    torch = pytest.importorskip("torch")
    from engines.models.gla_gcn import GLAGCN

    model = GLAGCN(widths, 8, joints, head).eval()
    assert model.frames == np.prod(widths)
    with torch.no_grad():
        assert model(torch.rand(2, model.frames, joints, 2)).shape == (2, 1, joints, 3)
        with pytest.raises(ValueError, match="expected"):
            model(torch.rand(2, model.frames + 1, joints, 2))


@pytest.mark.parametrize("widths", [(), (2,), (3, 0), (-3,)])
def test_strides_that_have_no_centre_are_refused(widths: tuple[int, ...]) -> None:
    pytest.importorskip("torch")
    from engines.models.gla_gcn import GLAGCN

    with pytest.raises(ValueError, match="odd"):
        GLAGCN(widths)


def test_dropout_is_off_after_training_mode_ends() -> None:
    torch = pytest.importorskip("torch")
    from engines.models.gla_gcn import GLAGCN

    torch.manual_seed(0)
    model, x = GLAGCN((3,), 8), torch.rand(2, 3, 17, 2)
    assert not torch.equal(model(x), model(x))
    model.eval()
    with torch.no_grad():
        assert torch.equal(model(x), model(x))
