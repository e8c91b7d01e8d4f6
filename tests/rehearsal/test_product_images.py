"""The images of the sample products, and of their variants."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rehearsal.product_images import MAIN, has_images, layers
from rehearsal.workspace import ROOT

EXAMPLES = ROOT / "examples"
SAMPLES = ("devora", "signupflow", "vulcan")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    for image in ("backend", "frontend"):
        (tmp_path / image).mkdir()
        (tmp_path / image / "Containerfile").write_text("FROM x\n")
    (tmp_path / "variants" / "good" / "backend").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_every_directory_with_a_containerfile_is_an_image(sample: Path) -> None:
    assert layers(sample)[MAIN] == {"backend": [sample / "backend"], "frontend": [sample / "frontend"]}
    assert has_images(sample)
    assert not has_images(EXAMPLES / "familyflow")


def test_a_variant_is_mains_but_for_what_it_brings(sample: Path) -> None:
    over = sample / "variants" / "good" / "backend"
    assert layers(sample)["good"] == {"backend": [sample / "backend", over], "frontend": [sample / "frontend"]}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_variant_of_the_samples_changes_an_image_that_there_is(name: str) -> None:
    sample = EXAMPLES / name
    found = layers(sample)
    assert {MAIN, "good", "health-fails"} <= set(found)
    for variant in set(found) - {MAIN}:
        brought = {path.name for path in (sample / "variants" / variant).iterdir()}
        assert brought <= set(found[MAIN])
        assert any(len(directories) == 2 for directories in found[variant].values())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_has_the_images_that_its_product_names(name: str) -> None:
    product = yaml.safe_load((ROOT / "tests" / "fixtures" / "products" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(product["release"]["images"]) == set(layers(EXAMPLES / name)[MAIN])
