"""Builds a MediaPipe `.task` file from the two bare tflite models.

PoseLandmarker wants an uncompressed zip of the two models, each carrying metadata that says how pixels are normalised.
The format: https://ai.google.dev/edge/litert/conversion/tensorflow/metadata
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

_METADATA_NAME = b"TFLITE_METADATA"
# pixel -> (pixel - mean) / std, as the two networks were trained
_DETECTOR_NORMALISATION = (127.5, 127.5)
_LANDMARKS_NORMALISATION = (0.0, 255.0)
_LOCAL_HEADER_BYTES = 30


def build(detector_tflite: bytes, landmarks_tflite: bytes) -> bytes:
    """The `.task` file of a person detector and a landmark model."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:  # MediaPipe maps the members: no compression
        for name, model, normalisation in (
            ("pose_detector.tflite", detector_tflite, _DETECTOR_NORMALISATION),
            ("pose_landmarks_detector.tflite", landmarks_tflite, _LANDMARKS_NORMALISATION),
        ):
            member = zipfile.ZipInfo(name)  # with its default date the same inputs give the same bytes
            member.extra = _padding(buffer.tell() + _LOCAL_HEADER_BYTES + len(name))
            bundle.writestr(member, _with_metadata(model, *normalisation))
    return buffer.getvalue()


def _padding(offset: int) -> bytes:
    """A zip extra field (the one of Android's zipalign) that moves what follows to a multiple of 64 bytes."""
    size = -(offset + 4) % 64
    return struct.pack("<HH", 0xD935, size) + bytes(size)


def _with_metadata(tflite: bytes, mean: float, std: float) -> bytes:
    from mediapipe.tasks.metadata import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(tflite, 0)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_normalisation_metadata(model, mean, std), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name = _METADATA_NAME
    entry.buffer = len(model.buffers) - 1
    model.metadata = [old for old in model.metadata or [] if old.name != _METADATA_NAME] + [entry]
    builder = _AlignedBuilder(len(tflite) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Weights at multiples of 16 bytes, as the tflite schema asks: the interpreter copies unaligned ones."""

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802 - flatbuffers' name
        if x.dtype != np.uint8:
            return int(super().CreateNumpyVector(x))
        self.StartVector(1, x.size, 16)
        self.head -= x.size
        self.Bytes[self.head : self.head + x.size] = x.tobytes()
        return int(self.EndVector())


def _normalisation_metadata(model: Any, mean: float, std: float) -> bytes:
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    options = schema.NormalizationOptionsT()
    options.mean, options.std = [mean], [std]
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, options
    content = schema.ContentT()
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = schema.ImagePropertiesT()
    content.contentProperties.colorSpace = schema.ColorSpaceType.RGB
    image = schema.TensorMetadataT()
    image.name, image.content, image.processUnits = "image", content, [unit]
    subgraph = schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [image]
    subgraph.outputTensorMetadata = [_named(schema, tensor) for tensor in model.subgraphs[0].outputs]
    metadata = schema.ModelMetadataT()
    metadata.subgraphMetadata = [subgraph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(metadata.Pack(builder), b"M001")
    return bytes(builder.Output())


def _named(schema: Any, tensor: int) -> Any:
    output = schema.TensorMetadataT()
    output.name = f"output_{tensor}"
    return output
