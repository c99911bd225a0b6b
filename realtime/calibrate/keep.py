"""`realtime calibrate ground --keep`: the floor that a running stream has learned, asked of its publisher."""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.floor.ground import Ground
from engines.errors import UserError
from realtime.client.ask import RpcClient
from realtime.wire.endpoints import ClientKeys
from realtime.wire.framing import WireError

_NUMBERS = ("camera_height_m", "normal_sigma_deg", "camera_height_sigma_m")


def learned_ground(rpc_address: str, stream: str = "main", keys: ClientKeys | None = None) -> Ground:
    """Raises UserError where nobody answers, where there is no such stream, and where no floor is known yet."""
    with RpcClient(rpc_address, keys) as client:
        try:
            streams = client.ask("status").get("streams")
        except WireError as error:
            raise UserError(str(error)) from error
    status = streams.get(stream) if isinstance(streams, dict) else None
    if not isinstance(status, dict):
        raise UserError(f"{rpc_address} has no stream '{stream}': name another with --stream")
    if "floor_learned" not in status:
        raise UserError(f"stream '{stream}' learns no floor: start 'realtime run' without --ground and --floor off")
    found = status["floor_learned"]
    if found is None:
        raise UserError(f"stream '{stream}' does not know the floor yet: walk about in view for ten seconds, with the "
                        "feet in the picture, and ask again")  # fmt: skip
    return _ground(found, rpc_address)


def _ground(found: Any, rpc_address: str) -> Ground:
    try:
        height_m, tilt_deg, height_sigma_m = (float(found[name]) for name in _NUMBERS)
        rotation = np.array(found["camera_to_world_rotation"], np.float64)
        u, _, v = np.linalg.svd(rotation)  # on the wire its numbers are short
        return Ground(u @ v, height_m, str(found["scale"]), "person", tilt_deg, height_sigma_m,
                      str(found["camera_identity"]))  # fmt: skip
    except (KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise UserError(f"{rpc_address} answers with a floor that cannot be read: update it or this program") from error
