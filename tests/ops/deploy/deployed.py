"""A graph that is deployed in the tests: with a secret, and a worker process."""

from pydantic import SecretStr

import streamweave_lab as sw
from streamweave_lab.ops.deploy.budget import Budget
from streamweave_lab.ops.deploy.deployment import Deployment, checked, deployment

FILE = "schema_version = 1\nspeed = 60\n"


class Sink(sw.Config):
    path: str = "out"
    password: SecretStr


class DeployedConfig(sw.Config):
    speed: float = sw.live(1.0, gt=0)
    sink: Sink


def double(n: int) -> int:
    return 2 * n


def slow(n: int, config: DeployedConfig) -> bool:
    return n > config.speed


def deployed_graph(name: str = "plant") -> sw.Graph:
    numbers = sw.Replay("numbers", range(9))
    fast = sw.Filter("fast", slow, config=DeployedConfig)
    return sw.Graph(name, numbers >> fast >> sw.Map("double", double, workers=2) >> sw.Count("all"))


def deployed(folder, text: str = FILE, name: str | None = None, **budget: float) -> Deployment:
    path = folder / "plant.toml"
    path.write_text(text)
    config = checked(path, DeployedConfig)
    return deployment(
        deployed_graph(),
        "plant.app:graph",
        name=name,
        budget=Budget(**budget),
        config=config,
        config_class=DeployedConfig,
    )
