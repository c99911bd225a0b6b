"""`realtime calibrate camera` and `board`: from pictures of the board to a lens on file."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2

from calibration.lens.board import Board
from calibration.lens.camera_file import evidence_of, save_camera
from calibration.lens.coverage import draw_report
from calibration.lens.intrinsics import MIN_VIEWS, Calibration, calibrate, with_identity
from calibration.lens.rays import check_model
from calibration.profiles import camera_path
from engines.errors import UserError
from engines.write_aside import require_target, write_aside
from realtime.calibrate.views import views_of_folder, views_of_source
from realtime.sources.address import device_of

_LOG = logging.getLogger("realtime.calibrate")


def calibrate_camera(
    source: str,
    board: Board,
    *,
    model: str = "pinhole",
    output: Path | None = None,
    show: bool | None = None,
    keep: Path | None = None,
    every: int = 1,
    seconds: float | None = None,
    width: int | None = None,
    height: int | None = None,
    overwrite: bool = False,
) -> tuple[Path, Calibration]:
    """Calibrates from a folder of pictures, a video or a camera; writes the YAML and, beside it, a PNG report.

    Without `output` a camera's file goes to its profile, where `realtime run` finds it; a folder's or video's to
    `camera.yaml`; neither replaces what is there, unless `overwrite`. `show` None: a window where there is a display
    and the source is live. Raises UserError.
    """
    check_model(model)
    if output is not None and output.suffix.lower() not in (".yaml", ".yml"):
        raise UserError(f"{output} must end in .yaml or .yml: the report goes to a .png beside it")
    device = device_of(source)
    made = output or (None if device else Path("camera.yaml"))  # None: a profile, by the size of the pictures
    if made is not None:
        _check_made(made, overwrite)
    if keep is not None and not overwrite and keep.exists() and not (keep.is_dir() and not any(keep.iterdir())):
        raise UserError(f"{keep} exists and is no empty folder: choose another for --keep or add --overwrite")
    if Path(source).is_dir():
        looked = views_of_folder(Path(source), board)
    else:
        from realtime.view.display import has_display

        window = show if show is not None else device != "" and has_display()
        if window and not has_display():
            raise UserError("no display for a window: calibrate without one with --no-window")
        looked = views_of_source(source, board, show=window, keep=keep, every=every, seconds=seconds,
                                 width=width, height=height,
                                 begin=lambda image_wh: _check_made(made or camera_path(device, image_wh), overwrite))
    if len(looked.views) < MIN_VIEWS and (not looked.views or looked.mirrored):
        raise looked.explain_nothing(board)
    looked.check_whole(board)
    calibration = calibrate(looked.views, board, model)
    path = made or camera_path(device, calibration.camera.image_wh)
    camera = save_camera(path, calibration.camera, device or path.stem, evidence_of(calibration))
    calibration = with_identity(calibration, camera.identity)
    report = path.with_suffix(".png")
    picture = cv2.imencode(".png", draw_report(calibration))[1].tobytes()
    write_aside(report, lambda aside: aside.write_bytes(picture))
    for name in calibration.rejected:
        _LOG.warning("%s did not fit and was left out", name)
    return path, calibration


def summary(path: Path, calibration: Calibration) -> str:
    camera = calibration.camera
    width, height = camera.image_wh
    lines = [
        f"{path}: {camera.model}, {width}x{height}, {len(calibration.views)} views "
        f"({len(calibration.rejected)} left out), RMS {calibration.rms_px:.3f} px",
        f"focal length {camera.camera_matrix[0, 0]:.1f} x {camera.camera_matrix[1, 1]:.1f} px, centre "
        f"({camera.camera_matrix[0, 2]:.1f}, {camera.camera_matrix[1, 2]:.1f}), {camera.hfov_deg:.1f} degrees across",
        f"coverage and residuals: {path.with_suffix('.png')}",
    ]
    return "\n".join(lines) + "\n"


def _check_made(path: Path, overwrite: bool) -> None:
    """Raises UserError where the file or its report is there already, unless `overwrite`, or cannot be written."""
    for made in (path, path.with_suffix(".png")):
        require_target(made, overwrite)
