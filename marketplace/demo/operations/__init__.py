"""Builds the demo world and plays the walk, through the operations of the site and nothing else."""

from marketplace.demo.operations.bodies import KINDS, register_bodies
from marketplace.demo.operations.bulk import BATCH, add_organizations, add_projects, organizations_wanted
from marketplace.demo.operations.fair import is_scheduled, prepare_fair, publish_fair
from marketplace.demo.operations.giving import add_money
from marketplace.demo.operations.interests import declare_interests
from marketplace.demo.operations.lists import publish_catalog, publish_lists, write_texts
from marketplace.demo.operations.people import PASSWORD, found_units, hand_out_sign_ins, open_expert_pool, signed_in
from marketplace.demo.operations.planning import (
    ask_for_plans,
    follow_projects,
    is_planned,
    name_costs,
    open_other_pools,
    share_common_plan,
)
from marketplace.demo.operations.projects import play
from marketplace.demo.operations.reaching import reach_out
from marketplace.demo.operations.start import is_demo, is_empty, mark, refuse_real_data, settle_news
from marketplace.demo.operations.world import World, begin

__all__ = [
    "BATCH", "KINDS", "PASSWORD", "World", "add_money", "add_organizations", "add_projects", "ask_for_plans", "begin",
    "declare_interests", "follow_projects", "found_units", "hand_out_sign_ins", "is_demo", "is_empty", "is_planned",
    "is_scheduled", "mark", "name_costs", "open_expert_pool", "open_other_pools", "organizations_wanted", "play",
    "prepare_fair", "publish_catalog", "publish_fair", "publish_lists", "reach_out", "refuse_real_data",
    "register_bodies", "settle_news", "share_common_plan", "signed_in", "write_texts",
]
