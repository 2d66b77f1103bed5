"""flask demo build, flask demo walk: an invented district to look at, and one project from list to contract."""

from flask.cli import AppGroup

from marketplace.demo.cli.build import build
from marketplace.demo.cli.walk import walk

group = AppGroup("demo", help="The demo world and the walk.")
group.add_command(build)
group.add_command(walk)
