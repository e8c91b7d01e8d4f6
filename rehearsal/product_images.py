"""The images that the rehearsal releases: the sample product's, and those of the good and bad versions of it.

Each directory of examples/<product> with a Containerfile is an image. A variant is what lies in variants/<variant>/
over these directories; an image of which it holds nothing is main's.
"""

from __future__ import annotations

from pathlib import Path

from rehearsal.container_images import container_image
from rehearsal.docker import Docker
from rehearsal.image import Progress

MAIN = "main"


def has_images(sample: Path) -> bool:
    """Whether the sample product is one of images."""
    return bool(_images(sample))


def product_images(docker: Docker, base: str, sample: Path, progress: Progress) -> dict[str, dict[str, str]]:
    """The tag, in the container engine, of each image in each variant; built now if need be."""
    return {
        variant: {
            image: container_image(docker, f"{sample.name}-{image}", directories, {"BASE": base}, progress)
            for image, directories in images.items()
        }
        for variant, images in layers(sample).items()
    }


def layers(sample: Path) -> dict[str, dict[str, list[Path]]]:
    """What lies over each other in each image, by variant; main first."""
    variants = {MAIN: sample} | {path.name: path for path in sorted((sample / "variants").glob("*")) if path.is_dir()}
    images = _images(sample)
    return {
        variant: {
            image: [images[image], *(over for over in [directory / image] if variant != MAIN and over.is_dir())]
            for image in images
        }
        for variant, directory in variants.items()
    }


def _images(sample: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(sample.glob("*/Containerfile"))}
