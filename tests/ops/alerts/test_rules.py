from __future__ import annotations

import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

PROMTOOL = os.environ.get("PROMTOOL", "promtool")
RULES = files("streamweave_lab.ops") / "alerts" / "streamweave.rules.yml"
DURATIONS = Path(__file__).parent / "streamweave_test.yml"


def promtool(*arguments: str) -> str:
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules_that_the_package_brings() -> None:
    assert "13 rules found" in promtool("check", "rules", str(RULES))


def test_each_alert_waits_as_long_as_it_says_and_spares_what_is_well() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(DURATIONS))


def alerts() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_has_a_severity_a_summary_a_remedy_and_a_test(rule: dict[str, object]) -> None:
    assert set(rule["labels"]) == {"severity"}  # type: ignore[call-overload]
    assert set(rule["annotations"]) == {"summary", "description"}  # type: ignore[call-overload]
    assert str(rule["alert"]) in DURATIONS.read_text()
