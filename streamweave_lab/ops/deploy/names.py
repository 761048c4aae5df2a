"""What may be written into a manifest: names, quantities and images, refused with what would do."""

from __future__ import annotations

import re

NAME_LIMIT = 52
"""Characters. A pod of a StatefulSet has a label of 63 that ends in a dash and a hash of ten."""

CONFIG_LIMIT = 1024 * 1024
"""Bytes that a ConfigMap can hold."""

_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kKMGTPE]i?)?")
_KEY = re.compile(r"[A-Za-z0-9._-]+")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]*")
_UNIT = re.compile(r"[A-Za-z0-9_.-]+")


def name_problem(name: str) -> str | None:
    """Why `name` cannot be that of a StatefulSet and its Service (RFC 1035 within DNS-1123); None if it can."""
    if _LABEL.fullmatch(name) and len(name) <= NAME_LIMIT:
        return None
    return (
        f"name {name!r}: Kubernetes takes small letters, digits and dashes, beginning with a letter and ending with "
        f"a letter or digit, at most {NAME_LIMIT} characters (DNS-1123); give one with --name{_proposal(name)}"
    )


def namespace_problem(name: str) -> str | None:
    """Why `name` cannot be a namespace; None if it can."""
    if _NAMESPACE.fullmatch(name) and len(name) <= 63:
        return None
    return f"namespace {name!r}: must be small letters, digits and dashes, at most 63 characters (DNS-1123)"


def quantity_problem(what: str, quantity: str) -> str | None:
    """Why `quantity` is none; None if it is one."""
    if _QUANTITY.fullmatch(quantity) and re.search(r"[1-9]", quantity):
        return None
    return f"{what} {quantity!r}: must be more than nothing, as Kubernetes writes it, such as 500m, 2, 512Mi or 1Gi"


def image_problem(image: str) -> str | None:
    """Why `image` cannot be pulled; None if nothing speaks against it."""
    if _IMAGE.fullmatch(image) and not image.endswith((":", "/", "@")):
        return None
    return f"image {image!r}: must be a repository and a tag or digest, such as registry.example/flights:1.4.0"


def movable_image(image: str) -> bool:
    """The image's name may stand for something else tomorrow, so there is nothing to go back to."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@" not in image and tag in ("", "latest")


def key_problem(name: str) -> str | None:
    """Why a file called `name` cannot be in a ConfigMap; None if it can."""
    if _KEY.fullmatch(name) and name not in (".", "..") and len(name) <= 253:
        return None
    return f"file name {name!r}: a ConfigMap takes letters, digits, '.', '_' and '-'; rename the file"


def unit_problem(name: str) -> str | None:
    """Why `name` cannot be that of a unit of systemd and of its folders; None if it can."""
    if _UNIT.fullmatch(name) and not name.startswith((".", "-")) and len(name) <= 200:
        return None
    return f"name {name!r}: a unit takes letters, digits, '_', '.' and '-', at most 200; give one with --name"


def _proposal(name: str) -> str:
    """` flights-eu` for `Flights_EU`, where something is left of it."""
    close = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:NAME_LIMIT].strip("-")
    return f" {close}" if close else ""


__all__ = [
    "CONFIG_LIMIT",
    "image_problem",
    "key_problem",
    "movable_image",
    "name_problem",
    "namespace_problem",
    "quantity_problem",
    "unit_problem",
]
