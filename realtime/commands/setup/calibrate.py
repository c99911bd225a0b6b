"""`realtime calibrate`: the lens, the floor, the person and several cameras, so that metres are metres."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.commands.setup.calibrate_cameras import cameras

if TYPE_CHECKING:
    from calibration.lens.board import Board

app = typer.Typer(no_args_is_help=True, help="Make metres true: the camera's lens, the floor, the person's size.")

Source = Annotated[str, typer.Option(help="A camera's number, a video, an address.")]
Kind = Annotated[str, typer.Option("--board", help="charuco or chessboard.")]
Columns = Annotated[int, typer.Option(help="Squares across.")]
Rows = Annotated[int, typer.Option(help="Squares down.")]
Square = Annotated[float, typer.Option(help="Side of a square, mm, measured on the print.")]
Marker = Annotated[float | None, typer.Option(help="Side of a marker, mm; three quarters of a square.")]
Dictionary = Annotated[str, typer.Option(help="The markers' dictionary, by OpenCV's name.")]
CameraFile = Annotated[Path | None, typer.Option("--camera", help="The lens; else the device's profile, else assumed.")]
Seconds = Annotated[float, typer.Option(help="Watch for so long.")]
Model = Annotated[str, typer.Option(help="The lifter.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if there is one.")]


def _board(kind: str, columns: int, rows: int, square: float, marker: float | None, dictionary: str) -> Board:
    from calibration.lens.board import Board

    return Board(kind, columns, rows, square / 1000, (marker or square * 0.75) / 1000, dictionary)


@app.command()
def board(
    output: Annotated[Path, typer.Option("-o", "--output", help="A .pdf or .png.")] = Path("board.pdf"),
    page: Annotated[str, typer.Option(help="a4, a3, a2, letter or tabloid.")] = "a4",
    kind: Kind = "charuco", columns: Columns = 9, rows: Rows = 6, square: Square = 28.0, marker: Marker = None,
    dictionary: Dictionary = "DICT_4X4_50", overwrite: Overwrite = False,
) -> None:
    """Draw the board to print, true to scale, with a ruler to check the print against.

    Examples: realtime calibrate board -o board.pdf; realtime calibrate board -o big.pdf --page a3 --square 40
    """
    from calibration.lens.board_print import write_board
    from engines.write_aside import require_target

    require_target(output, overwrite)
    what = _board(kind, columns, rows, square, marker, dictionary)
    write_board(output, what, page)
    sys.stdout.write(f"{output}: {what}. Print at 100 %, check the ruler, mount it flat.\n")


@app.command()
def camera(
    source: Annotated[str, typer.Argument(help="A folder of pictures, a video, a camera's number, an address.")] = "0",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: the camera's profile.")] = None,
    lens: Annotated[str, typer.Option(help="pinhole or fisheye.")] = "pinhole",
    kind: Kind = "charuco", columns: Columns = 9, rows: Rows = 6, square: Square = 28.0, marker: Marker = None,
    dictionary: Dictionary = "DICT_4X4_50",
    window: Annotated[bool | None, typer.Option("--window/--no-window", help="Default: for a live camera.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep the chosen pictures in this folder.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Look at one frame in so many.")] = 1,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long, with what there is.")] = None,
    width: Annotated[int | None, typer.Option(help="Asked of the camera.")] = None,
    height: Annotated[int | None, typer.Option(help="Asked of the camera.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the lens that is known, its report and kept pictures.")
    ] = False,
) -> None:
    """Measure the lens with the printed board; about a minute. Writes ROS camera_info YAML and a PNG report.

    Examples: realtime calibrate camera 0; realtime calibrate camera pictures/ -o camera.yaml
    """
    from realtime.calibrate.lens import calibrate_camera, summary

    path, result = calibrate_camera(
        source, _board(kind, columns, rows, square, marker, dictionary), model=lens, output=output, show=window,
        keep=keep, every=every, seconds=seconds, width=width, height=height,
        overwrite=overwrite)
    sys.stdout.write(summary(path, result))


@app.command()
def ground(
    source: Annotated[str | None, typer.Option(help="A video, a camera, a keypoints .npz with a person; or of the "
                                                    "board, with --on-board.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("ground.yaml"),
    camera: CameraFile = None,
    person: Annotated[str | None, typer.Option(help="Who walks: a name from 'calibrate person'.")] = None,
    person_height: Annotated[float | None, typer.Option(help="Or their height, m.")] = None,
    height: Annotated[float | None, typer.Option(help="By hand: the camera's height above the floor, m.")] = None,
    pitch: Annotated[float, typer.Option(help="By hand: degrees, upwards is positive.")] = 0.0,
    roll: Annotated[float, typer.Option(help="By hand: degrees, clockwise is positive.")] = 0.0,
    on_board: Annotated[bool, typer.Option(help="The board lies on the floor.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Save the floor that a running stream has learned.")] = False,
    rpc: Annotated[str, typer.Option(help="With --keep: where it answers requests.")] = "tcp://127.0.0.1:5557",
    stream: Annotated[str, typer.Option(help="With --keep: its name.")] = "main",
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
    kind: Kind = "charuco", columns: Columns = 9, rows: Rows = 6, square: Square = 28.0, marker: Marker = None,
    dictionary: Dictionary = "DICT_4X4_50", seconds: Seconds = 60.0, model: Model = "default",
    overwrite: Overwrite = False,
) -> None:
    """Find the floor: from someone who walks about, the board on it, angles given by hand, or a running stream.

    Examples: realtime calibrate ground --source 0 --person-height 1.76;
    realtime calibrate ground --source 0 --on-board; realtime calibrate ground --height 1.5 --pitch -12;
    realtime calibrate ground --keep -o ground.yaml
    """
    from calibration.floor.ground import from_angles, save_ground
    from engines.errors import UserError
    from engines.write_aside import require_target

    if (height is not None or pitch or roll) and (source is not None or on_board):
        raise UserError("--height, --pitch and --roll are the camera's, given by hand in place of --source and "
                        "--on-board: leave out the ones or the others, and give a person's height as --person-height")
    if keep and (height is not None or pitch or roll or source is not None or on_board):
        raise UserError("--keep asks a running stream: leave out --source, --on-board, --height, --pitch and --roll")
    if source is None and height is None and not keep:
        raise UserError("give a --source with a person who walks about, or the camera's --height, --pitch and --roll, "
                        "or --keep what a running stream has learned")
    require_target(output, overwrite)
    if keep:
        from realtime.calibrate.keep import learned_ground
        from realtime.client.listen import client_keys

        found = learned_ground(rpc, stream, client_keys(key, server_key))
    elif height is not None:
        found = from_angles(height, pitch, roll)
    elif on_board:
        assert source is not None
        from realtime.calibrate.people import ground_from_picture

        found = ground_from_picture(source, camera, _board(kind, columns, rows, square, marker, dictionary))
    else:
        from calibration.person.body_scale import BodyScale
        from calibration.profiles import find_person
        from realtime.calibrate.ahead import check_height, check_walk
        from realtime.calibrate.people import measure_ground, watch

        if person is None and person_height is None:
            raise UserError("give --person-height in metres, or --person, so that the floor is in metres too")
        assert source is not None
        who = find_person(person) if person is not None else BodyScale("", float(person_height or 0))
        check_height(who)
        check_walk(source, camera, seconds, model, output, overwrite)
        found = measure_ground(watch(source, camera, seconds=seconds), who, model)
    save_ground(output, found)
    height_sigma = f" (1 sigma {found.height_sigma_m:.3f} m)" if isfinite(found.height_sigma_m) else ""
    normal_sigma = f", up to {found.normal_sigma_deg:.2f} degrees" if isfinite(found.normal_sigma_deg) else ""
    sys.stdout.write(f"{output}: camera {found.height_m:.3f} m above the floor{height_sigma}{normal_sigma}, "
                     f"from {found.source}, scale {found.scale}\n")


@app.command()
def person(
    name: Annotated[str, typer.Argument(help="Whom to remember.")],
    height: Annotated[float | None, typer.Option(help="Their height, m, in the shoes they wear.")] = None,
    source: Annotated[str | None, typer.Option(help="Watch them, to measure their bones.")] = None,
    camera: CameraFile = None,
    ground: Annotated[Path | None, typer.Option(help="Measure them against this floor instead of a height.")] = None,
    rigid: Annotated[bool, typer.Option("--rigid", help="Give every pose these very bone lengths.")] = False,
    seconds: Seconds = 30.0, model: Model = "default",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Measure somebody anew who is known already.")] = False,
) -> None:
    """Remember a person's size: by their height, or measured against the floor; with --source their bones too.

    Examples: realtime calibrate person ana --height 1.76;
    realtime calibrate person ana --height 1.76 --source 0 --rigid
    """
    from calibration.floor.ground import load_ground
    from calibration.person.body_scale import BodyScale, save_person
    from calibration.profiles import person_path
    from engines.errors import UserError
    from engines.write_aside import refuse_existing

    path = person_path(name)
    refuse_existing(path, overwrite)
    if source is not None:
        from realtime.calibrate.ahead import check_measurable, check_walk
        from realtime.calibrate.people import measure_person, watch

        check_measurable(name, height, ground is not None)
        floor = load_ground(ground) if ground is not None else None
        check_walk(source, camera, seconds, model, path, overwrite)
        found = measure_person(watch(source, camera, seconds=seconds), name, height, floor, rigid, model)
    elif height is not None and not rigid:
        found = BodyScale(name, height)
    else:
        raise UserError("give the person's --height; --rigid and measuring against the floor need a --source too")
    save_person(path, found)
    sys.stdout.write(f"{path}: {name}, {found.height_m:.2f} m ({found.scale}){', rigid' if rigid else ''}\n")


@app.command()
def guess(
    source: Source = "0",
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("camera-guess.yaml"),
    seconds: Seconds = 60.0, model: Model = "default", overwrite: Overwrite = False,
) -> None:
    """Guess the lens's field of view from someone who walks a square in view. A guess: prefer `calibrate camera`.

    Example: realtime calibrate guess --source walk.mp4
    """
    from calibration.lens.camera_file import save_camera
    from realtime.calibrate.ahead import check_walk
    from realtime.calibrate.people import guess_lens, watch

    check_walk(source, None, seconds, model, output, overwrite)
    camera, found = guess_lens(watch(source, None, seconds=seconds), model)
    save_camera(output, camera, "guess", {"source": "guess", "hfov_deg": round(found.hfov_deg, 2),
                                          "hfov_sigma_deg": round(found.sigma_deg, 2)})
    narrow = "" if found.headings_deg > 30 else " They walked one way only: walk a square for a better one."
    sys.stdout.write(f"{output}: {found.hfov_deg:.0f} degrees across (1 sigma {found.sigma_deg:.0f}), a guess."
                     f"{narrow}\n")


app.command()(cameras)
