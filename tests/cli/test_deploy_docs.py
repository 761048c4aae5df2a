"""The pages for operators: every command in them exists, every link leads somewhere, every alert has its part."""

import re
import shlex
from pathlib import Path

import click
import pytest

from streamweave_lab.cli.main import main
from streamweave_lab.ops.deploy.prometheus import PROCEDURES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["deployment.md", "failures.md", "upgrades.md"]
PARTS = ["You see", "Do", "It is over when"]


def text_of(page):
    return (DOCS / page).read_text()


def commands(page):
    """What is shown to be typed: lines of blocks, and what stands in the running text."""
    text = text_of(page)
    blocks = re.findall(r"^ *```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    shown = [line.strip() for block in blocks for line in block.splitlines()]
    shown += re.findall(r"`(streamweave-lab [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    shown = [re.sub(r"^kubectl exec .*? -- ", "", line) for line in shown]
    return [line for line in shown if line.startswith("streamweave-lab")]


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "line"), [(page, line) for page in PAGES for line in commands(page)])
def test_a_command_that_is_shown_exists_with_these_options(page, line):
    _, *words = shlex.split(line, comments=True)
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{page}: there is no command {name!r}"
        command, context = found, click.Context(found, parent=context)
    if isinstance(command, click.Group):
        return  # it is only named
    with context:
        _, left, _ = command.make_parser(context).parse_args(words)
    assert left == [], f"{page}: {line}"


BY_GRAPH = re.compile(
    r"streamweave-lab (run|validate|checkpoints rehearse|config show|deploy (kubernetes|systemd)) .*:\w+"
)


@pytest.mark.parametrize("page", PAGES)
def test_a_command_that_names_the_graph_names_its_configuration(page):
    without = [line for line in commands(page) if BY_GRAPH.match(line) and "--config " not in line]
    assert without == []


@pytest.mark.parametrize("page", PAGES)
def test_nobody_is_told_to_start_a_service_by_hand(page):
    assert [line for line in commands(page) if re.match(r"streamweave-lab run .", line)] == []


def test_the_pages_show_commands():
    assert min(len(commands(page)) for page in PAGES) >= 4


def test_every_alert_leads_to_a_part_of_the_page_on_failures():
    assert set(PROCEDURES.values()) <= anchors("failures.md")


def test_every_alert_is_in_the_table_at_its_top():
    table = re.findall(r"^\| .*alert (\w+) \| \[.*\]\(#(.*)\) \|$", text_of("failures.md"), re.MULTILINE)
    assert dict(table) == PROCEDURES


def test_every_procedure_says_what_is_seen_what_to_do_and_how_it_ends():
    _, *parts = re.split(r"^## ", text_of("failures.md"), flags=re.MULTILINE)
    assert len(parts) == 14
    for part in parts:
        said = re.findall(r"^\*\*(.*?)\.?\*\*", part, re.MULTILINE)
        assert [each for each in said if each in PARTS] == PARTS, part.splitlines()[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text_of(page)) if "://" not in link]
    assert links
    for link in links:
        target, _, anchor = link.partition("#")
        assert (DOCS / (target or page)).is_file(), link
        assert not anchor or anchor in anchors(target or page), link


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page):
    for example in re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL):
        exec(compile(example, page, "exec"), {"__name__": "example"})
