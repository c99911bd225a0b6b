"""Which people a model may learn from and which it is judged on: whole subjects, never frames of the same person."""

from __future__ import annotations

# CMU subjects: walking on rough ground, basketball, plain walking, football. All others train.
TEST_SUBJECTS: tuple[str, ...] = ("03", "06", "08", "10")
ACTIONS: dict[str, str] = {"03": "rough ground", "06": "basketball", "08": "walking", "10": "football"}


def subject_of(clip: str) -> str:
    """The subject in a clip's name: `07_01` -> `07`."""
    return clip.split("_")[0]
