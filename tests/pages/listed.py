"""Every page of the site, by who looks at it. {names} are references of tests/browser/world.py."""

PAGES: dict[str, tuple[str, ...]] = {
    "visitor": (
        "/", "/projects", "/projects?status=open", "/projects?status=failed&category=C", "/search", "/search?q=助餐&kind=project&status=open",
        "/search?q=助餐 30万以下&view=cards", "/search?view=map", "/search?q=没有这样的项目&kind=project&budget=100-", "/projects/{open}", "/projects/{sealed}",
        "/projects/{contracted}", "/projects/{failed}", "/projects/{contracted}/opening", "/projects/{contracted}/contract", "/rules", "/projects/{awarded}/result",
        "/catalogs", "/catalogs/A040203", "/catalogs/editions", "/catalogs/editions/{edition}", "/purchase-lists", "/purchase-lists/{list}",
        "/purchase-lists/{list}/changes", "/purchase-lists/merged", "/organizations", "/organizations/{provider}",
        "/organizations/{unit}", "/notices", "/notices/{notice}", "/v", "/v/{code}", "/v/0000-0000-0000-0000", "/help", "/help/buyer",
        "/help/provider", "/help/resident", "/help/search", "/help/alerts", "/help/verify", "/help/questions", "/help/glossary", "/help/contact", "/accessibility", "/privacy", "/sign-in", "/activate", "/register",
        "/nothing-here", "/projects?size=large", "/live/paddle/{evening}?key={evening_key}",
        "/live/paddle/{evening}?key={evening_key}&test=1",
    ),
    "handler": (
        "/desk", "/my", "/my/account", "/desk/projects", "/desk/projects/new", "/desk/projects/{draft}/edit",
        "/desk/projects/{draft}/edit/basics", "/desk/projects/{draft}/edit/requirement", "/desk/projects/{draft}/edit/indicators",
        "/desk/projects/{draft}/edit/scoring", "/desk/projects/{draft}/edit/payment", "/desk/projects/{draft}/edit/time",
        "/desk/projects/{draft}/edit/files", "/desk/projects/{draft}/preview", "/desk/projects/{open}/questions",
        "/desk/projects/{open}/addendum", "/desk/projects/{draft}/terminate", "/projects/{open}", "/desk/projects/{opened}/panel",
        "/desk/projects/{scoring}/panel", "/desk/projects/{ranked}/award", "/desk/projects/{ranked}/offers/{offer}", "/contracts",
        "/contracts/{contract}", "/purchase-lists/mine", "/purchase-lists/{list}", "/purchase-lists/{list}/amend",
        "/purchase-lists/{list_draft}/edit", "/purchase-lists/{list_draft}/lines/new",
        "/purchase-lists/{list_draft}/lines/{line_draft}", "/purchase-lists/{list}/edit",
        "/purchase-lists/by-unit/{unit}/{year}", "/imports", "/imports/new?target=purchase_list", "/imports/{import_uploaded}", "/imports/{import_checked}", "/ops",
    ),
    "approver": ("/desk", "/my", "/desk/projects/{in_review}/review", "/desk/projects/{ranked}/award", "/desk/projects/{awarded}/award"),
    "unit_admin": ("/desk", "/desk/members", "/desk/members/invite"),
    "district": ("/desk", "/my"),
    "provider_admin": (
        "/org", "/my", "/desk/members", "/desk/members/invite", "/organizations/{provider}/profile", "/bids", "/contracts",
        "/contracts/{contract}",
    ),
    "provider_member": (
        "/org", "/projects/{soon}", "/projects/{soon}/bid", "/projects/{soon}/bid/price", "/projects/{soon}/bid/plan",
        "/projects/{soon}/bid/team", "/projects/{soon}/bid/track_record", "/projects/{soon}/bid/budget",
        "/projects/{soon}/bid/contact", "/projects/{soon}/bid/files", "/projects/{soon}/bid/check",
        "/bids/{bid_sealed}", "/bids/{bid_sealed}/receipt", "/bids/{bid_sealed}/withdraw", "/bids/{bid_awarded}/result",
        "/projects/{awarded}/objections", "/contracts/{contract}", "/my", "/my/searches", "/my/searches/new",
        "/my/searches/new?q=长者&kind=project&due=7", "/my/searches/{saved}", "/my/searches/{saved_weekly}", "/my/searches/{saved}/change",
        "/my/searches/told/{told}", "/my/searches/off/{saved_token}", "/my/searches/off/{saved_token}/all",
        "/my/searches/off/{saved_token}/project/{told_item}",
    ),
    "expert": ("/panel", "/panel/{seat}", "/panel/{seat}/score/1", "/panel/{seat}/submit", "/my"),
    "expert_drawn": ("/panel", "/panel/{seat_drawn}"),
    "funder": ("/fund", "/my", "/pledging", "/pledging/new", "/pledging/{evening}", "/pledging/{evening}/guests",
        "/pledging/{evening}/guests/{evening_guest}", "/pledging/{evening}/door", "/pledging/{evening}/door?q=1",
        "/pledging/{evening}/record", "/pledging/{evening}/differences", "/pledging/{evening}/pledges", "/pledging/{evening}/papers",
        "/pledging/{evening}/log", "/pledging/mine/{evening_guest}", "/pledging/{evening_coming}",
        "/pledging/{evening_coming}/edit", "/pledging/{evening_coming}/footing", "/pledging/{evening_coming}/guests"),
    "operator": ("/ops", "/ops/organizations", "/ops/organizations/{unverified}", "/ops/experts", "/ops/jobs", "/ops/rules", "/catalogs/editions",
                 "/ops/dictionary", "/ops/dictionary?q=长者&kind=concept", "/ops/dictionary?q=没有这个词",
                 "/ops/dictionary/new", "/ops/dictionary/concepts/老年人", "/ops/dictionary/import",
                 "/ops/dictionary/changes", "/ops/dictionary/versions",
                 "/catalogs/editions/{edition_draft}", "/catalogs/editions/{edition_draft}/items", "/my"),
    "security_officer": ("/ops", "/ops/people", "/ops/people/new", "/ops/people/{person_handler}"),
    "auditor": ("/ops", "/ops/audit", "/ops/audit?verify=1", "/desk/projects/{ranked}/award"),
}
EXPECTED: dict[tuple[str, str], int] = {
    ("visitor", "/nothing-here"): 404, ("visitor", "/v/0000-0000-0000-0000"): 404, ("handler", "/ops"): 403,
}

# GET routes that are no pages, each with its reason.
NOT_PAGES = {
    "static": "assets", "files.download": "a download", "health.healthz": "for machines", "health.readyz": "for machines",
    "desks.robots": "for machines", "inbox.alive": "answers 204", "ops.audit_heads": "plain text for machines",
    "dictionary.export": "a download", "projects.export": "a download", "projects.calendar": "a download", "search.export": "a download", "search.atom": "a feed", "search.rss": "a feed",
    "search.deadlines": "a download", "search.suggest": "a fragment and JSON", "catalogs.export": "a download",
    "catalogs.export_list": "a download", "catalogs.merged_export": "a download", "contracts.paper": "a download",
    "contracts.signed_copy": "a download", "bids.own_file": "a download", "bids.draft_file": "a download",
    "pledging.paddles": "a download", "pledging.papers_zip": "a download", "pledging.log_csv": "a download", "pledging.record_state": "JSON for the recorder's page",
    "pledging.screen_data": "JSON for the screen of the hall",
    "imports.error_workbook": "a download", "awards.desk_file": "a download", "awards.offer_file": "a download",
}
