"""`realtime calibrate cameras`: where several cameras stand, so that one person is one pose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

_BY = ("person", "board")


def cameras(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="NAME=SOURCE...", help="Each camera's recording: a video, a keypoints .npz, a folder of "
                                                      "pictures of the board; or NAME alone: a running stream."),
    ],
    by: Annotated[str, typer.Option(metavar="person|board", help="What all of them saw.")] = "person",
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("cameras.yaml"),
    lens: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="A camera's lens, of 'calibrate camera'.")
    ] = None,
    person: Annotated[str | None, typer.Option(help="Who walks: a name from 'calibrate person'.")] = None,
    person_height: Annotated[float | None, typer.Option(help="Or their height, m; without, it is assumed.")] = None,
    apart: Annotated[float, typer.Option(help="The recordings' clocks may lie so many seconds apart.")] = 2.0,
    seconds: Annotated[float, typer.Option(help="Watch for so long.")] = 60.0,
    address: Annotated[str, typer.Option(help="Where running streams are published.")] = "tcp://127.0.0.1:5556",
    key: Annotated[Path | None, typer.Option(help="Your NAME.key_secret, for a publisher with keys.")] = None,
    server_key: Annotated[str | None, typer.Option(help="Its public key: server.key, or the 40 characters.")] = None,
    detector: Annotated[str, typer.Option(metavar="lite|full|heavy", help="Of people in videos.")] = "full",
    model: Annotated[str, typer.Option(help="The lifter.")] = "default",
    on_floor: Annotated[bool, typer.Option(help="With --by board: it lies on the floor at the first moment.")] = False,
    every: Annotated[int, typer.Option(min=1, help="With --by board: look at one frame in so many.")] = 5,
    kind: Annotated[str, typer.Option("--board", help="charuco or chessboard.")] = "charuco",
    columns: Annotated[int, typer.Option(help="Squares across.")] = 9,
    rows: Annotated[int, typer.Option(help="Squares down.")] = 6,
    square: Annotated[float, typer.Option(help="Side of a square, mm, measured on the print.")] = 28.0,
    marker: Annotated[float | None, typer.Option(help="Side of a marker, mm; three quarters of a square.")] = None,
    dictionary: Annotated[str, typer.Option(help="The markers' dictionary, by OpenCV's name.")] = "DICT_4X4_50",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if there is one.")] = False,
) -> None:
    """Place several cameras: from one person who walks where all of them look, or from a board shown to them in pairs.

    Recordings of a person need not begin at the same time; films of a board must. Writes YAML with the fields that
    Pose2Sim and OpenCV know, which the line `cameras` of a site's file names.

    Examples:
      realtime calibrate cameras door=door.mp4 hall=hall.mp4 --person-height 1.76 -o cameras.yaml
      realtime calibrate cameras door hall --seconds 30 --person-height 1.76
      realtime calibrate cameras door=door/ hall=hall/ --by board --on-floor --lens door=door.yaml --lens hall=hall.yaml
    """
    from calibration.person.body_scale import BodyScale
    from calibration.profiles import find_person
    from engines.errors import UserError
    from engines.write_aside import require_target
    from realtime.calibrate.ahead import check_lenses, check_model, check_seconds
    from realtime.calibrate.cameras import (
        by_board,
        by_person,
        check_recordings,
        named,
        save_by_board,
        save_by_person,
        told,
        watch_all,
    )  # fmt: skip
    from realtime.calibrate.streams import watch_streams
    from realtime.client.listen import client_keys

    if by not in _BY:
        raise UserError(f"--by {by} is none of {', '.join(_BY)}")
    lenses = {name: Path(path) for name, path in named(lens or [], "NAME=FILE").items()}
    running = [word for word in sources if "=" not in word]
    names = [word.partition("=")[0] for word in sources]
    if strangers := sorted(set(lenses) - set(names)):
        raise UserError(f"--lens {strangers[0]} is of none of the cameras {', '.join(names)}")
    if by == "person" and len(names) < 2:
        raise UserError("give two or more cameras: NAME=RECORDING, or names of running streams")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"'{twice[0]}' is named twice: give each camera a name of its own")
    if by == "person" and running and len(running) < len(sources):
        raise UserError("give either recordings, NAME=SOURCE, or names of running streams: not both")
    require_target(output, overwrite)
    check_lenses(lenses.values())
    check_recordings({} if by == "person" and running else named(sources))
    body = find_person(person) if person is not None else BodyScale(height_m=person_height or float("nan"))
    if by == "board":
        from calibration.lens.board import Board

        board = Board(kind, columns, rows, square / 1000, (marker or square * 0.75) / 1000, dictionary)
        placed = save_by_board(output, found := by_board(named(sources), lenses, board, on_floor, every))
        sys.stdout.write(f"{told(output, placed)}corners miss their rays by {found.rms_px:.2f} px\n")
        return
    check_model(model)
    check_seconds(seconds)
    if not apart >= 0:
        raise UserError(f"--apart must be 0 s or more, got {apart:g}")
    if running:
        recordings = watch_streams(running, lenses, address, seconds, client_keys(key, server_key))
    else:
        recordings = watch_all(named(sources), lenses, seconds, detector)
    walked = by_person(recordings, body, model, apart)
    placed = save_by_person(output, walked, tuple(recordings))
    clocks = ", ".join(f"{name} {1000 * off:+.0f}" for name, off in zip(recordings, walked.offsets_s, strict=True))
    sys.stdout.write(f"{told(output, placed)}rays miss their joints by {walked.miss_px:.1f} px; clocks, ms: {clocks}\n")
