"""The sample products that are container images, as far as they can be judged without making them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.checks.scene import targets_of
from rehearsal.load import Target
from settings.parse import parse
from settings.product import Product, leading
from tests.examples.running import EXAMPLES, ROOT, laid_over, said
from tests.settings.stack import SECRETS_OF, good

PRODUCTS = {
    "devora": {"good", "health-fails", "crash"},
    "signupflow": {"good", "health-fails", "migration-fails"},
    "vulcan": {"good", "health-fails", "crash", "migration-fails", "additive-migration"},
}
BACKENDS = {"devora": "backend", "signupflow": "app", "vulcan": "backend"}
FRONTENDS = ("devora", "vulcan")
IMAGES = [*BACKENDS.items(), *((product, "frontend") for product in FRONTENDS)]
FILES = sorted(file for product in PRODUCTS for file in (EXAMPLES / product).rglob("*") if file.is_file())
EXACT = re.compile(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*")
ALLOWED = {"ARG", "FROM", "RUN", "COPY", "ENV", "USER", "EXPOSE", "CMD"}
NOT_YET = {"OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT"}


def product_of(name: str) -> dict[str, Any]:
    """The product that the document describes, as a stack has it."""
    text = (ROOT / "tests" / "fixtures" / "products" / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def instructions(product: str, image: str) -> list[tuple[str, str]]:
    """The instructions of a Containerfile, each with its arguments in one line."""
    text = (EXAMPLES / product / image / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def variants() -> list[tuple[str, str, Path]]:
    """(product, variant, image's directory in it)."""
    return [
        (directory.parents[2].name, directory.parent.name, directory)
        for product in PRODUCTS
        for directory in sorted((EXAMPLES / product).glob("variants/*/*"))
    ]


@pytest.mark.parametrize(("product", "image"), IMAGES)
def test_an_image_is_made_with_the_classic_builder_from_any_base(product: str, image: str) -> None:
    found = instructions(product, image)
    assert {name for name, _ in found} <= ALLOWED
    assert found[:2] == [("ARG", "BASE"), ("FROM", "${BASE}")]
    for name, arguments in found:
        for source in arguments.split()[:-1] if name == "COPY" else ():
            assert (EXAMPLES / product / image / source).exists(), source


@pytest.mark.parametrize(("product", "image"), IMAGES)
def test_a_container_runs_as_nobody_in_particular(product: str, image: str) -> None:
    found = instructions(product, image)
    assert [arguments for name, arguments in found if name == "USER"] == ["10001:10001"]
    assert [name for name, _ in found[-3:]] == ["USER", "EXPOSE", "CMD"]
    assert json.loads(found[-1][1]), "a shell would stand between the engine and the process"


@pytest.mark.parametrize(("product", "image"), IMAGES)
def test_an_image_listens_where_the_stack_expects_it(product: str, image: str) -> None:
    port = dict(instructions(product, image))["EXPOSE"]
    assert int(port) == product_of(product)["services"][image]["port"]


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_python_package_has_one_exact_version(product: str) -> None:
    text = (EXAMPLES / product / BACKENDS[product] / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not EXACT.fullmatch(line)] == []
    names = [line.split("==")[0].lower() for line in lines]
    assert len(names) == len(set(names))
    measured = {"prometheus_client"} if "metrics" in product_of(product)["services"][BACKENDS[product]] else set()
    assert {"fastapi", "uvicorn", *measured} <= set(names)


@pytest.mark.parametrize(
    "path", [file for file in FILES if file.suffix == ".py"], ids=lambda file: str(file.relative_to(EXAMPLES))
)
def test_the_python_of_the_examples_compiles(path: Path) -> None:
    compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)


@pytest.mark.parametrize("product", PRODUCTS)
def test_there_is_every_variant_and_the_readme_tells_of_each(product: str) -> None:
    there = {path.name for path in (EXAMPLES / product / "variants").iterdir()}
    told = (EXAMPLES / product / "README.md").read_text(encoding="utf-8").split("## Variants")[1]
    assert there == PRODUCTS[product] == set(re.findall(r"^\| `([a-z-]+)` \|", told, re.MULTILINE))


@pytest.mark.parametrize(("product", "variant", "directory"), variants())
def test_a_variant_changes_one_file_of_an_image(product: str, variant: str, directory: Path) -> None:
    [file] = [path for path in directory.rglob("*") if path.is_file()]
    base = EXAMPLES / product / directory.name / file.relative_to(directory)
    if "migration" in variant:
        assert base.parent.name == "versions"
        assert not base.exists()
    else:
        assert base.read_text(encoding="utf-8") != file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("variant", "well"), [("", "True"), ("good", "True"), ("health-fails", "False")])
@pytest.mark.parametrize("product", PRODUCTS)
def test_only_the_variant_that_says_so_is_never_well(product: str, variant: str, well: str, tmp_path: Path) -> None:
    command = "from app.health import Health, healthy; print(healthy(Health({'database': lambda: None}).look()))"
    directory = laid_over(product, BACKENDS[product], variant, tmp_path)
    assert said([sys.executable, "-c", command], directory, {}) == (0, f"{well}\n")


@pytest.mark.parametrize("product", [name for name, has in PRODUCTS.items() if "crash" in has])
def test_the_variant_that_crashes_ends_at_once(product: str, tmp_path: Path) -> None:
    directory = laid_over(product, BACKENDS[product], "crash", tmp_path)
    assert said([sys.executable, "-m", "app"], directory, {}) == (1, "this version always ends at once\n")


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_image_of_a_version_shows_the_same_one_and_the_good_variant_another(product: str) -> None:
    images = [image for owner, image in IMAGES if owner == product]
    shown = {(EXAMPLES / product / image / "version.txt").read_text() for image in images}
    good = {file.read_text() for file in (EXAMPLES / product / "variants" / "good").rglob("version.txt")}
    assert len(shown) == len(good) == 1
    assert shown != good


@pytest.mark.parametrize("stack", SECRETS_OF)
def test_the_load_asks_what_a_route_of_this_very_stack_leads_to(stack: str) -> None:
    product = parse(stack, good(stack), SECRETS_OF[stack]).product
    targets = [Target(**target) for target in targets_of(product)]
    for target in targets:
        route = leading(product.routes_of(target.host or product.domain), target.path)
        assert route is not None
        assert (route.service == "frontend") == (target.path == "/" and "frontend" in product.services)
        assert not target.body or json.loads(target.body)
    assert {target.method for target in targets} == {"GET", "POST"}
    assert [target.marks for target in targets if target.marks] == ["release"]


def test_a_load_that_no_route_leads_to_its_service_is_refused() -> None:
    values = good("staging")
    values["product"]["routes"] = [{"path": "/", "service": "frontend"}]
    with pytest.raises(ValueError, match="no route leads /api/v1/release/ to backend"):
        targets_of(Product.model_validate(values["product"]))


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_readme_lists_every_address_and_no_other(product: str) -> None:
    source = (EXAMPLES / product / BACKENDS[product] / "app" / "api.py").read_text(encoding="utf-8")
    found = set(re.findall(r'@api\.(get|post|websocket)\("([^"]*)"', source))
    readme = (EXAMPLES / product / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"\| `(GET|POST) (/[^`?]*)", readme))
    served = {("POST" if how == "post" else "GET", re.sub(r"{.*?}", "<name>", address)) for how, address in found}
    assert served == told


@pytest.mark.parametrize("product", PRODUCTS)
def test_health_and_metrics_are_where_the_stack_expects_them(product: str) -> None:
    source = (EXAMPLES / product / BACKENDS[product] / "app" / "api.py").read_text(encoding="utf-8")
    service = product_of(product)["services"][BACKENDS[product]]
    for address in {service["health"], service.get("metrics", service["health"])}:
        assert f'@api.get("{address}")' in source


@pytest.mark.parametrize(("product", "image"), IMAGES)
def test_each_variable_of_the_document_is_read_and_told(product: str, image: str) -> None:
    programs = [file for file in (EXAMPLES / product / image).rglob("*") if file.suffix in (".py", ".mjs")]
    source = "\n".join(file.read_text(encoding="utf-8") for file in programs)
    readme = (EXAMPLES / product / "README.md").read_text(encoding="utf-8")
    described = product_of(product)
    named = {**described.get("environment", {}), **described["services"][image].get("environment", {})}
    assert named
    for name in set(named) - NOT_YET:
        assert f'"{name}"' in source
        assert f"`{name}`" in readme


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_readme_tells_of_every_variable_that_the_backend_reads(product: str) -> None:
    directory = EXAMPLES / product / BACKENDS[product] / "app"
    source = "\n".join(file.read_text(encoding="utf-8") for file in directory.glob("*.py"))
    read = set(re.findall(r'environment\.\w+\("([A-Z0-9_]+)"|environ\.get\("([A-Z0-9_]+)"', source))
    readme = (EXAMPLES / product / "README.md").read_text(encoding="utf-8")
    assert {name for pair in read for name in pair if name and f"`{name}`" not in readme} == {"PORT"}
