"""Foxglove's live connection: people as a scene, their bones as transforms, keypoints to lay over the picture."""

from __future__ import annotations

from collections.abc import Callable

from engines.errors import UserError
from engines.extras import pip_install
from realtime.bridge.foxglove_messages import image_annotations, scene, transforms
from realtime.bridge.listen_at import listen_at
from realtime.closing import Closing
from realtime.wire.messages import KeypointsMessage, PoseMessage


class Foxglove(Closing):
    """A server at HOST:PORT, which has no passwords. Raises UserError where it cannot listen there.

    `keypoints` is asked for new ones with each frame.
    """

    def __init__(self, where: str, keypoints: Callable[[], KeypointsMessage | None], *, insecure: bool) -> None:
        host, port = listen_at(where, insecure=insecure)
        try:
            import foxglove
            from foxglove.channels import FrameTransformsChannel, ImageAnnotationsChannel, SceneUpdateChannel
        except ImportError as error:
            raise UserError(f"Foxglove needs the package foxglove-sdk: run {pip_install('bridge')}") from error
        self._context = context = foxglove.Context()  # its channels close with it
        try:
            self._server = foxglove.start_server(name="realtime", host=host, port=port, context=context)
        except Exception as error:  # the SDK has no type of its own for it
            raise UserError(f"cannot listen at {where} ({error}): choose another place with --listen") from error
        self._people = SceneUpdateChannel("/people", context=context)
        self._tf = FrameTransformsChannel("/tf", context=context)
        self._points, self._keypoints = ImageAnnotationsChannel("/keypoints", context=context), keypoints

    def close(self) -> None:
        self._server.stop()

    def __call__(self, message: PoseMessage) -> None:
        self._people.log(scene(message), log_time=message.t_capture_ns)
        self._tf.log(transforms(message), log_time=message.t_capture_ns)
        points = self._keypoints()
        if points is not None:
            self._points.log(image_annotations(points), log_time=points.t_capture_ns)
