"""Builds the demo world and plays the walk, through the operations of the site and nothing else."""

from marketplace.demo.operations.bodies import KINDS, register_bodies
from marketplace.demo.operations.bulk import BATCH, add_organizations, add_projects, organizations_wanted
from marketplace.demo.operations.giving import add_money
from marketplace.demo.operations.lists import publish_catalog, publish_lists, write_texts
from marketplace.demo.operations.people import PASSWORD, found_units, hand_out_sign_ins, open_expert_pool
from marketplace.demo.operations.projects import play
from marketplace.demo.operations.start import is_demo, is_empty, mark, refuse_real_data, settle_news
from marketplace.demo.operations.world import World, begin

__all__ = [
    "BATCH", "KINDS", "PASSWORD", "World", "add_money", "add_organizations", "add_projects", "begin", "found_units",
    "hand_out_sign_ins", "is_demo", "is_empty", "mark", "open_expert_pool", "organizations_wanted", "play",
    "publish_catalog", "publish_lists", "refuse_real_data", "register_bodies", "settle_news", "write_texts",
]
