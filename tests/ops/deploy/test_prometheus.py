"""Files for Prometheus, read by its own promtool."""

import shutil
import subprocess
from dataclasses import replace

import pytest
import yaml

from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.deploy.deployment import Deployment
from streamweave_lab.ops.deploy.folder import write
from streamweave_lab.ops.deploy.prometheus import PROCEDURES, rules, scrape_files

PROMTOOL = shutil.which("promtool")
OWN = Deployment("flights", "flights", "flights.app:graph")
PAGE = "https://docs.example/failures.html"


def alerts(text):
    found = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule for group in found for rule in group["rules"] if "alert" in rule}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_configuration_and_rules_right(tmp_path):
    write(tmp_path, scrape_files(OWN, ["flights.example:9464", "[::1]:9465"], runbooks=PAGE))
    command = [PROMTOOL, "check", "config", str(tmp_path / "prometheus.yml")]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert said.returncode == 0, said.stderr
    assert f"SUCCESS: {yaml_rules()} rules found" in said.stdout


def yaml_rules():
    return sum(len(group["rules"]) for group in yaml.safe_load(rules())["groups"])


def test_without_targets_the_port_of_this_machine_is_scraped():
    config = yaml.safe_load(scrape_files(OWN)["prometheus.yml"])
    assert config["scrape_configs"][0]["static_configs"] == [{"targets": ["localhost:9464"]}]
    assert config["rule_files"] == ["streamweave.rules.yml"]


def test_the_rules_are_those_of_the_package_word_for_word():
    assert scrape_files(OWN)["streamweave.rules.yml"] == rules()


def test_every_alert_has_a_procedure_and_every_procedure_an_alert():
    assert sorted(alerts(rules())) == sorted(PROCEDURES)


def test_where_the_procedures_are_published_each_alert_links_to_its_own():
    linked = alerts(rules(PAGE))
    assert {name: rule["annotations"]["runbook_url"] for name, rule in linked.items()} == {
        name: f"{PAGE}#{heading}" for name, heading in PROCEDURES.items()
    }
    for rule in linked.values():
        del rule["annotations"]["runbook_url"]
    assert linked == alerts(rules())


@pytest.mark.parametrize("target", ["flights", "flights:0", "flights:70000", "http://flights:9464", "a b:1", "x:1\n"])
def test_a_target_that_is_no_host_and_port_is_refused(target):
    with pytest.raises(ConfigError, match="must be a host and a port"):
        scrape_files(OWN, [target])


@pytest.mark.parametrize("page", ["docs", 'https://docs.example/"', "https://docs.example/#a", "ftp://docs.example/"])
def test_runbooks_that_are_no_page_are_refused(page):
    with pytest.raises(ConfigError, match="must be the URL of a page"):
        scrape_files(replace(OWN), [], 15, page)
