"""The system as a picture: an SVG of what a request passes on its way."""

from __future__ import annotations

import html
from dataclasses import dataclass

from settings.stack import Settings

_WIDTH, _HEIGHT, _GAP = 150, 46, 44
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8"/></marker></defs>'
)


@dataclass(frozen=True)
class _Box:
    x: int
    y: int
    title: str
    detail: str

    def draw(self) -> str:
        """The box with its two lines of text."""
        middle = self.x + _WIDTH / 2
        return (
            f'<rect class="box" x="{self.x}" y="{self.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="7"/>'
            f'<text x="{middle}" y="{self.y + 20}" text-anchor="middle">{html.escape(self.title)}</text>'
            f'<text class="soft" x="{middle}" y="{self.y + 36}" text-anchor="middle">'
            f"{html.escape(self.detail[:26])}</text>"
        )


def picture(settings: Settings) -> str:
    """An SVG: visitors, firewall, and in one frame what runs on the host; beside it what the host reaches."""
    product = settings.product
    services = [(name, f"{service.role}, {service.runtime}") for name, service in product.services.items()]
    here = [(name, service.engine) for name, service in product.backing.items() if service.provider == "host"]
    elsewhere = [
        (name, f"{service.engine}, {service.provider}")
        for name, service in product.backing.items()
        if service.provider != "host"
    ]
    height = max(len(services), len(here), len(elsewhere), 1) * (_HEIGHT + 14) + 70
    column = [20 + index * (_WIDTH + _GAP) for index in range(6)]
    visitors, firewall, nginx = (
        _Box(column[index], height // 2 - _HEIGHT // 2 + 10, *text)
        for index, text in enumerate(
            (("visitors", product.domain), ("cloud firewall", "SSH for admins"), ("nginx", "TLS"))
        )
    )
    ours, beside, beyond = (
        [_Box(column[index], _row(row, len(texts), height), *text) for row, text in enumerate(texts)]
        for index, texts in ((3, services), (4, here), (5, elsewhere))
    )
    routed = {route.service for route in product.routes}
    arrows = [_arrow(visitors, firewall), _arrow(firewall, nginx)]
    arrows += [_arrow(nginx, box) for box in ours if box.title in routed]
    arrows += [_arrow(box, to) for box in ours if product.services[box.title].role != "static" for to in beside]
    gate = _Box(column[4], height // 2 - _HEIGHT // 2 + 10, "", "")
    arrows += [_arrow(gate, box) for box in beyond]
    boxes = "".join(box.draw() for box in (visitors, firewall, nginx, *ours, *beside, *beyond))
    width = column[5] + _WIDTH + 20
    return (
        f'<svg viewBox="0 0 {width} {height}" width="100%" style="max-width:{width}px" role="img" '
        f'aria-label="The system {html.escape(settings.name)}">{_TIP}{_frame(settings, column[2], height)}'
        f"{''.join(arrows)}{boxes}</svg>"
    )


def _frame(settings: Settings, left: int, height: int) -> str:
    architecture = settings.architecture
    width = 3 * _WIDTH + 2 * _GAP + 28
    caption = f"{architecture.kind} · {architecture.size} · {architecture.region}"
    return (
        f'<rect class="group" x="{left - 14}" y="10" width="{width}" height="{height - 20}" rx="10"/>'
        f'<text class="soft" x="{left - 4}" y="28">{html.escape(caption)}</text>'
    )


def _row(index: int, count: int, height: int) -> int:
    used = count * (_HEIGHT + 14)
    return (height - used) // 2 + 14 + index * (_HEIGHT + 14)


def _arrow(start: _Box, end: _Box) -> str:
    x1, y1, x2, y2 = start.x + _WIDTH, start.y + _HEIGHT // 2, end.x - 2, end.y + _HEIGHT // 2
    bend = (x1 + x2) // 2
    return f'<path d="M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}" marker-end="url(#tip)"/>'
