"""The Open3D side of the viewer: a window or an off-screen buffer, geometry made once and rewritten in place."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.view.scene import floor
from realtime.view.scene.extremities import Extremities
from realtime.view.scene.eye import Eye
from realtime.view.scene.figure import BACKGROUND_RGB, COARSE, FINE, TINTS_RGB, Body, Floats
from realtime.view.scene.follow import ANKLES, TRAIL, Follow
from realtime.view.scene.graphics import load_open3d, open_visualizer
from realtime.view.scene.mark import mark

SIZE_WH, ANGLE_DEG = (960, 720), (32.0, 14.0)  # px; azimuth and elevation
_LINE_PX = 1.6  # in pixels of the picture


class Stage:
    """Draws what `Follow` holds. Context manager; all calls from the thread that made it.

    Off screen the picture is drawn `supersample` times larger and reduced, which smooths every edge.
    """

    def __init__(
        self, size_wh: tuple[int, int], *, window: bool, title: str = "realtime",
        angle_deg: tuple[float, float] = ANGLE_DEG, supersample: int = 2,
    ) -> None:  # fmt: skip
        self.open3d = self._o3d = load_open3d()
        self._window = window
        scale = 1 if window else supersample
        width, height = size_wh[0] * scale, size_wh[1] * scale
        self.visualizer, self.computed = open_visualizer(self._o3d, title, (width, height), window=window)
        self._vis = self.visualizer
        self._detail = COARSE if window and self.computed else FINE
        options = self._vis.get_render_option()
        options.background_color, options.light_on = BACKGROUND_RGB, False
        options.mesh_color_option = self._o3d.visualization.MeshColorOption.Color  # textures too
        options.line_width, options.mesh_show_back_face = _LINE_PX * scale, False
        self._people: list[tuple[Body, Any, floor.Shadow, Any]] = []
        self._trails: list[tuple[floor.Trail, Any]] = []
        self._extremities: list[tuple[Extremities, Any]] = []  # made by the first who has any
        self.trail = self.marks = self.extremities = True
        self._set_up_floor()
        self._mark: Any = None  # lines
        self.eye = Eye(self._vis.get_view_control(), size_wh, angle_deg, self._extent_m)
        self.origin_m: Floats = np.zeros(3)  # of what is drawn, in display axes
        if window:
            self._vis.register_mouse_scroll_callback(self._on_wheel)

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._vis.destroy_window()

    # ---- geometry ----

    def _set_up_floor(self) -> None:
        vertices, colours, triangles = floor.disc()
        self._floor_rest, self._grid = vertices, floor.Grid()
        self._floor = self._mesh(vertices, colours, triangles)
        # The floor alone sets the bounding box, and with it the scale of zoom: it never changes.
        self._vis.add_geometry(self._floor, reset_bounding_box=True)
        self._extent_m = float(self._floor.get_max_bound().max() - self._floor.get_min_bound().min())
        self._grid_lines = self._lines(self._grid.vertices, self._grid.lines, self._grid.colours)
        self._vis.add_geometry(self._grid_lines, reset_bounding_box=False)

    def _mesh(self, vertices: Floats, colours: Floats, triangles: NDArray[np.int32]) -> Any:
        vector, corners = self._o3d.utility.Vector3dVector, self._o3d.utility.Vector3iVector
        mesh = self._o3d.geometry.TriangleMesh(vector(vertices), corners(triangles))
        mesh.vertex_colors = vector(colours)  # and no normals: drawn in just these colours
        return mesh

    def _lines(self, vertices: Floats, lines: NDArray[np.int32], colours: Floats) -> Any:
        vector = self._o3d.utility.Vector3dVector
        made = self._o3d.geometry.LineSet(vector(vertices), self._o3d.utility.Vector2iVector(lines))
        made.colors = vector(colours)
        return made

    def _write(self, geometry: Any, points: Any, vertices: Floats, paint: Any = None, colours: Any = None) -> None:
        np.asarray(points)[:] = vertices
        if paint is not None:
            np.asarray(paint)[:] = colours
        self._vis.update_geometry(geometry)

    # ---- a frame ----

    def draw(self, follow: Follow) -> None:
        """Writes the scene, seen from its target. Nothing is on screen before `refresh` or `image`."""
        self.eye.radius_m = follow.radius_m
        self.eye.aim()
        self.origin_m = follow.target_m.copy()
        floor_y = follow.floor_y - self.origin_m[1]
        reach_m = floor.reach_m(follow.radius_m)
        wide = self._floor_rest * (reach_m / floor.RADIUS_M)
        self._write(self._floor, self._floor.vertices, wide + np.array((0, floor_y, 0)))
        self._grid.update(self.origin_m, floor_y, reach_m)
        lines = self._grid_lines
        self._write(lines, lines.points, self._grid.vertices, lines.colors, self._grid.colours)
        self._draw_mark(follow)
        self._draw_people(follow, floor_y, reach_m)
        self._draw_extremities(follow)
        self._draw_trails(follow, floor_y)

    def _draw_people(self, follow: Follow, floor_y: float, reach_m: float) -> None:
        while len(self._people) < len(follow.figures):
            body, shadow = Body(self._detail), floor.Shadow(self._detail.patch)
            flat = self._mesh(shadow.vertices, shadow.colours, shadow.triangles)
            mesh = self._mesh(body.vertices, body.colours, body.triangles)
            self._people.append((body, mesh, shadow, flat))
            for geometry in (flat, mesh):
                self._vis.add_geometry(geometry, reset_bounding_box=False)
        everyone_m = np.array([figure.joints_m - self.origin_m for figure in follow.figures])  # (people, 17, 3)
        for index, (body, mesh, shadow, flat) in enumerate(self._people):
            if index < len(follow.figures):
                figure = follow.figures[index]
                body.update(everyone_m[index], figure.sigma_m, figure.score, figure.slot, figure.held)
                shadow.update(everyone_m, index, floor_y, reach_m)
            else:  # nobody: all of it in one point is not drawn
                body.vertices[:], shadow.vertices[:] = 0, (0, floor_y, 0)
            self._write(mesh, mesh.vertices, body.vertices, mesh.vertex_colors, body.colours)
            self._write(flat, flat.vertices, shadow.vertices, flat.vertex_colors, shadow.colours)

    def _draw_extremities(self, follow: Follow) -> None:
        """Feet and hands, of those who have any."""
        shown = [figure for figure in follow.figures if figure.extremities_m is not None] if self.extremities else []
        while len(self._extremities) < len(shown):
            made = Extremities(self._detail)
            self._extremities.append((made, self._mesh(made.vertices, made.colours, made.triangles)))
            self._vis.add_geometry(self._extremities[-1][1], reset_bounding_box=False)
        for index, (made, mesh) in enumerate(self._extremities):
            if index < len(shown):
                made.update(shown[index], self.origin_m)
            else:
                made.vertices[:] = 0
            self._write(mesh, mesh.vertices, made.vertices, mesh.vertex_colors, made.colours)

    def _draw_trails(self, follow: Follow, floor_y: float) -> None:
        while len(self._trails) < len(follow.figures):
            trail = floor.Trail(TRAIL)
            self._trails.append((trail, self._lines(trail.vertices, trail.lines, trail.colours)))
            self._vis.add_geometry(self._trails[-1][1], reset_bounding_box=False)
        for index, (trail, lines) in enumerate(self._trails):
            past = [follow.trails_m.get(figure.slot) for figure in follow.figures[index : index + 1]]
            if self.trail and past and past[0]:
                figure = follow.figures[index]
                feet_m = figure.joints_m[list(ANKLES)] - self.origin_m
                colour = TINTS_RGB[figure.slot % len(TINTS_RGB)][1]
                trail.update(np.stack(past[0]) - self.origin_m, feet_m, figure.standing, floor_y, colour)
            else:
                trail.vertices[:] = (0, floor_y, 0)
            self._write(lines, lines.points, trail.vertices, lines.colors, trail.colours)

    def _draw_mark(self, follow: Follow) -> None:
        """The camera, and the world's axes at the origin of the stream's space."""
        points, lines, colours = mark(follow.space, follow.image_wh, follow.camera)
        if self._mark is None or len(self._mark.points) != len(points):
            if self._mark is not None:
                self._vis.remove_geometry(self._mark, reset_bounding_box=False)
            self._mark = self._lines(points, lines, colours)
            self._vis.add_geometry(self._mark, reset_bounding_box=False)
        shown = points - self.origin_m if self.marks else np.broadcast_to(-self.origin_m, points.shape)
        self._write(self._mark, self._mark.points, shown, self._mark.colors, colours)

    # ---- looking ----

    def project(self, points_m: Floats) -> Floats:
        """Points (..., 3) in display axes as pixels (..., 2) of the picture."""
        return self.eye.project(points_m - self.origin_m)

    def on_key(self, key: str, act: Callable[[], None]) -> None:
        """Call `act` where the window gets this key."""

        def pressed(_visualizer: Any) -> bool:
            act()
            return True  # draw again

        self._vis.register_key_callback(ord(key), pressed)

    def _on_wheel(self, _visualizer: Any, _x: float, y: float) -> bool:
        self.eye.wheel(y)
        return True

    # ---- output ----

    def refresh(self, changed: bool) -> bool:
        """Handles mouse and keys, draws what they or `draw` changed; False when the user closed the window."""
        if changed:
            self._vis.update_renderer()  # only asks for it: poll_events draws
        return bool(self._vis.poll_events())

    def image(self) -> NDArray[np.uint8]:
        """The picture (height, width, 3), BGR, the caller's own."""
        drawn = np.asarray(self._vis.capture_screen_float_buffer(do_render=True))
        if drawn.shape[1::-1] != self.eye.size_wh:
            drawn = cv2.resize(drawn, self.eye.size_wh, interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(cv2.convertScaleAbs(drawn, alpha=255.0), cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
