"""What is asked alike of whatever looks at a camera: options, and where they stand in the configuration."""

from __future__ import annotations

from typing import Annotated

import typer

Source = Annotated[
    str | None,
    typer.Option(metavar="0|FILE|URL|demo|-",
                 help="Camera number, video, folder of pictures, img_%04d.png, rtsp:// or http:// address, demo, "
                      "or - for a video that is piped in."),
]  # fmt: skip
Detector = Annotated[
    str | None,
    typer.Option(metavar="lite|full|heavy|auto|rtmpose|module:Class",
                 help="MediaPipe fast to exact, what keeps up here, or another. (full)"),
]  # fmt: skip
People = Annotated[int | None, typer.Option(help="How many people to look for, 1 to 8.")]
Feet = Annotated[bool, typer.Option("--feet", help="Heels and toes too, hung on the lifted legs.")]
Hands = Annotated[bool, typer.Option("--hands", help="The hands' knuckles too, hung on the lifted wrists.")]
Loop = Annotated[bool, typer.Option("--loop", help="Play a file again and again.")]
Rotate = Annotated[
    int | None,
    typer.Option(metavar="90|180|270", help="Turn the pictures clockwise: a camera on its side, or upside down."),
]
Mirror = Annotated[bool, typer.Option("--mirror", help="Swap left and right, as in a mirror.")]
Start = Annotated[float | None, typer.Option(metavar="SECONDS", help="Begin so far into a file.")]
SourceFps = Annotated[
    float | None, typer.Option(help="Pictures taken a second, where a file plays slower than life: slow motion.")
]
CameraWidth = Annotated[int | None, typer.Option(help="Ask the camera for this width in pixels.")]
CameraHeight = Annotated[int | None, typer.Option(help="Ask the camera for this height in pixels.")]
CameraFps = Annotated[float | None, typer.Option(help="Ask the camera for this many frames a second.")]
GiveUp = Annotated[
    float | None, typer.Option(metavar="S", help="End when a camera that was open stays away for S seconds. (never)")
]
Frames = Annotated[int | None, typer.Option(help="Stop after as many frames.")]
Duration = Annotated[float | None, typer.Option(help="Stop after as many seconds.")]
