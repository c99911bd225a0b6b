"""The one binary buffer of a glTF document: arrays in, numbers of accessors out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ARRAY_BUFFER, _FLOAT, _UNSIGNED_BYTE = 34962, 5126, 5121  # constants of WebGL that glTF uses


class GltfBuffer:
    def __init__(self, document: Any) -> None:
        self._document, self._bytes = document, bytearray()

    def add(self, values: NDArray[Any], kind: str, *, bounds: bool = False, vertices: bool = False) -> int:
        """Bytes stay bytes, all else becomes float32. `bounds`: the accessor says least and most, where glTF wants it.

        `vertices`: the array is an attribute of a mesh.
        """
        import pygltflib as gltf

        packed = np.ascontiguousarray(values, np.uint8 if values.dtype == np.uint8 else np.float32)
        view = gltf.BufferView(buffer=0, byteOffset=len(self._bytes), byteLength=packed.nbytes)
        if vertices:
            view.target = _ARRAY_BUFFER
        accessor = gltf.Accessor(
            bufferView=len(self._document.bufferViews), count=len(packed), type=kind,
            componentType=_UNSIGNED_BYTE if packed.dtype == np.uint8 else _FLOAT,
        )  # fmt: skip
        if bounds:
            rows = packed.reshape(len(packed), -1)
            accessor.min, accessor.max = rows.min(0).tolist(), rows.max(0).tolist()
        self._bytes += packed.tobytes() + bytes(-packed.nbytes % 4)
        self._document.bufferViews.append(view)
        self._document.accessors.append(accessor)
        return len(self._document.accessors) - 1

    def finish(self) -> None:
        import pygltflib as gltf

        self._document.buffers.append(gltf.Buffer(byteLength=len(self._bytes)))
        self._document.set_binary_blob(bytes(self._bytes))
